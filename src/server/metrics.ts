// Figures of the server for Prometheus: queue, jobs, stages, requests, device and memory.

import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Delivery } from './network/webhook.js';
import type { EngineInfo, JobQueue, JobRecord } from './types.js';

/** Upper bounds in seconds: of stages and jobs, and of answers that wait for no job. */
const STAGE_SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100];
const ANSWER_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60];

/** Methods and routes are few, whatever is asked for: each takes a row of its own. */
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS'];

type Counts = Awaited<ReturnType<JobQueue['counts']>>;

export interface MetricsSources {
  readonly queue?: Pick<JobQueue, 'counts'> | undefined;
  /** The engine as it is, or nothing while it does not run. */
  readonly engine?: (() => EngineInfo | undefined) | undefined;
  readonly webhooks?: { readonly size: number } | undefined;
  /** Requests that are being answered. */
  readonly active?: (() => number) | undefined;
}

/** The figures of one server or worker. */
export class Metrics {
  private readonly registry = new Registry();
  private readonly requests = this.counter('http_requests_total', 'Requests that were answered', [
    'method',
    'route',
    'status',
  ]);
  private readonly answers = this.histogram(
    'http_request_seconds',
    'From request to answer',
    ['route'],
    ANSWER_SECONDS,
  );
  private readonly jobs = this.counter('jobs_total', 'Jobs that ended', ['outcome']);
  private readonly waits = this.histogram('job_wait_seconds', 'From submission to start', [], STAGE_SECONDS);
  private readonly runs = this.histogram('job_run_seconds', 'From start to end', [], STAGE_SECONDS);
  private readonly retries = this.counter('job_retries_total', 'Attempts after the first of jobs that ended', []);
  private readonly stages = this.histogram('stage_seconds', 'Stages of restorations', ['stage'], STAGE_SECONDS);
  private readonly faces = this.counter('faces_total', 'Faces that were restored or looked at', []);
  private readonly restarts = this.counter('engine_restarts_total', 'Starts of the engine after it broke', []);
  private readonly deliveries = this.counter('webhooks_total', 'Webhooks that ended', ['outcome']);

  constructor({ queue, engine, webhooks, active }: MetricsSources = {}) {
    collectDefaultMetrics({ register: this.registry });
    if (queue) this.addQueue(queue);
    if (engine) this.addEngine(engine);
    if (webhooks) this.gauge('webhooks_pending', 'Webhooks under way', [], gauge => gauge.set(webhooks.size));
    if (active)
      this.gauge('http_requests_active', 'Requests that are being answered', [], gauge => gauge.set(active()));
  }

  /** The type of the text of `text()`. */
  get contentType(): string {
    return this.registry.contentType;
  }

  /** All figures as Prometheus reads them. */
  text(): Promise<string> {
    return this.registry.metrics();
  }

  /**
   * A request was answered.
   * @param route its pattern, not its path, whose ids would be without number
   * @param ms milliseconds until the answer began
   */
  request(method: string, route: string, status: number, ms: number): void {
    this.requests.inc({ method: METHODS.includes(method) ? method : 'other', route, status: String(status) });
    this.answers.observe({ route }, ms / 1000);
  }

  /** A job ended. */
  job({ state, failure, createdAt, startedAt, finishedAt, attempts }: JobRecord): void {
    this.jobs.inc({ outcome: state === 'CANCELLED' ? 'cancelled' : failure ? 'failed' : 'done' });
    if (attempts > 1) this.retries.inc(attempts - 1);
    if (startedAt === undefined) return;
    this.waits.observe(Math.max(0, startedAt - createdAt) / 1000);
    if (finishedAt !== undefined) this.runs.observe(Math.max(0, finishedAt - startedAt) / 1000);
  }

  /** A photo was restored: its faces, and milliseconds by stage. */
  restored(faces: number, timings: Readonly<Record<string, number>>): void {
    this.faces.inc(faces);
    for (const [stage, ms] of Object.entries(timings)) this.stages.observe({ stage }, ms / 1000);
  }

  /** The engine had to be started anew. */
  engineRestarted(): void {
    this.restarts.inc();
  }

  /** A webhook ended. */
  webhook({ outcome }: Delivery): void {
    this.deliveries.inc({ outcome });
  }

  private addQueue(queue: Pick<JobQueue, 'counts'>): void {
    // One question for the three of them, as a queue may be far away.
    let asked: Promise<Counts | undefined> | undefined;
    const counts = () =>
      (asked ??= queue
        .counts()
        .catch(() => undefined)
        .finally(() => {
          asked = undefined;
        }));
    const ofCounts = (name: string, help: string, value: (counts: Counts) => number) =>
      this.gauge(name, help, [], async gauge => {
        const now = await counts();
        gauge.set(now ? value(now) : Number.NaN);
      });
    ofCounts('queue_waiting', 'Jobs that wait', ({ waiting }) => waiting);
    ofCounts('queue_active', 'Jobs that run', ({ active }) => active);
    ofCounts('queue_oldest_seconds', 'Age of the job that waits longest; 0 where none waits', ({ oldestWaiting }) =>
      oldestWaiting === undefined ? 0 : Math.max(0, Date.now() - oldestWaiting) / 1000,
    );
  }

  private addEngine(engine: () => EngineInfo | undefined): void {
    this.gauge('engine_up', 'Whether the engine runs', [], gauge => gauge.set(engine() ? 1 : 0));
    this.gauge('engine_memory_bytes', 'Memory of the process of the engine', [], gauge =>
      gauge.set(engine()?.memory ?? 0),
    );
    this.gauge('engine_info', 'The device and the model of the engine', ['adapter', 'model'], gauge => {
      gauge.reset();
      const info = engine();
      if (info) gauge.set({ adapter: info.adapter, model: info.model }, 1);
    });
  }

  private options<L extends string>(name: string, help: string, labelNames: readonly L[]) {
    return { name: `codeformer_${name}`, help, labelNames: [...labelNames], registers: [this.registry] };
  }

  private counter<L extends string>(name: string, help: string, labels: readonly L[]): Counter<L> {
    return new Counter(this.options(name, help, labels));
  }

  private histogram<L extends string>(
    name: string,
    help: string,
    labels: readonly L[],
    buckets: number[],
  ): Histogram<L> {
    return new Histogram({ ...this.options(name, help, labels), buckets });
  }

  private gauge<L extends string>(
    name: string,
    help: string,
    labels: readonly L[],
    collect?: (gauge: Gauge<L>) => void | Promise<void>,
  ): Gauge<L> {
    return new Gauge({
      ...this.options(name, help, labels),
      ...(collect && {
        collect() {
          return collect(this);
        },
      }),
    });
  }
}
