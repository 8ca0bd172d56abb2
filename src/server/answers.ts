// What clients get to see of a job.

import { JobError } from './errors.js';
import type { Output, Status } from './schema.js';
import type { JobFailure, JobRecord, Storage } from './types.js';

/** The endpoint that this server stands for. */
export const ENDPOINT = '/fal-ai/codeformer';

/** Names of kinds of failures, by status. */
const ERROR_TYPES: Readonly<Record<number, string>> = {
  401: 'unauthorized',
  404: 'not_found',
  413: 'too_large',
  422: 'invalid_request',
  429: 'too_many_requests',
  499: 'client_cancelled',
  503: 'unavailable',
  504: 'request_timeout',
  507: 'storage_full',
};

/** The name of a kind of failure. */
export const errorType = (status: number): string =>
  ERROR_TYPES[status] ?? (status < 500 ? 'bad_request' : 'internal_error');

/** The addresses of a job. */
export function addressesOf(id: string, queueBase: string): Pick<Status, 'response_url' | 'status_url' | 'cancel_url'> {
  const response_url = `${queueBase}${ENDPOINT}/requests/${id}`;
  return { response_url, status_url: `${response_url}/status`, cancel_url: `${response_url}/cancel` };
}

/** Why a job has no output, once it has ended. */
export function failureOf({ state, failure }: JobRecord): JobFailure | undefined {
  return state === 'CANCELLED' ? { status: 499, detail: 'The request was cancelled' } : failure;
}

/**
 * The status of a job.
 * @param from number of the first line of the log that is said; null for none
 */
export function statusOf(record: JobRecord, queueBase: string, from: number | null): Status {
  const { id, state, position, startedAt, finishedAt } = record;
  const logs = from === null ? null : record.logs.slice(from);
  const about = { request_id: id, ...addressesOf(id, queueBase) };
  if (state === 'IN_QUEUE') return { status: state, ...about, queue_position: position, logs };
  if (state === 'IN_PROGRESS') return { status: state, ...about, logs };
  const failure = failureOf(record);
  const seconds = startedAt === undefined ? 0 : (finishedAt! - startedAt) / 1000;
  return {
    // Clients know no other state of what has ended.
    status: 'COMPLETED',
    ...about,
    logs,
    metrics: { inference_time: seconds },
    ...(failure && { error: sayingOf(failure), error_type: errorType(failure.status) }),
  };
}

/** A failure in one sentence. */
function sayingOf({ detail }: JobFailure): string {
  if (typeof detail === 'string') return detail;
  if (!Array.isArray(detail)) return 'The request failed';
  return detail.map(({ loc, msg }) => `${loc.join('.')}: ${msg}`).join('; ');
}

/**
 * The result of a job that has ended.
 * @param base address of the server
 * @throws JobError where it failed, or was cancelled
 */
export async function outputOf(record: JobRecord, base: string, storage: Storage): Promise<Output> {
  const failure = failureOf(record);
  if (failure) throw new JobError(failure.status, failure.detail);
  const { image, seed } = record.output!;
  const { key, contentType, fileName, fileSize, width, height } = image;
  let url = `${base}/files/${key}`;
  if (record.input.syncMode) {
    const file = await storage.get(key);
    if (!file) throw new JobError(410, 'The result is not kept any more');
    url = `data:${contentType};base64,${Buffer.from(file.body).toString('base64')}`;
  }
  const file = { content_type: contentType, file_name: fileName, file_size: fileSize };
  return { image: { url, ...file, width, height }, seed };
}
