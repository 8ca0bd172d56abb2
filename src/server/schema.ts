// What requests and answers look like: the one description that requests are checked with and /openapi.json is made of.

import { z } from 'zod';
import { JobError } from './errors.js';
import type { RestoreInput } from './types.js';

const share = () => z.number().min(0).max(1);

export const INPUT = z
  .object({
    image_url: z
      .string()
      .regex(/^(https?:\/\/|data:)/i)
      .meta({
        description: 'The picture: an address of http or https, a data URI, or the address of an uploaded file',
      }),
    fidelity: share().default(0.5).meta({ description: '0 quality to 1 identity' }),
    upscaling: z.number().positive().default(2).meta({ description: 'Size of the result over that of the picture' }),
    upscale_factor: z.number().positive().optional().meta({ description: 'Another name of upscaling' }),
    aligned: z.boolean().default(false).meta({ description: 'The picture is an aligned crop of a face' }),
    only_center_face: z.boolean().default(false).meta({ description: 'Restore only the face nearest to the centre' }),
    face_upscale: z.boolean().default(true).meta({ description: 'Upscale restored faces before they are pasted' }),
    seed: z
      .int()
      .min(0)
      .optional()
      .meta({ description: 'For temperature above 0; drawn, and returned, where it is absent' }),
    sync_mode: z.boolean().default(false).meta({ description: 'The answer has the result as a data URI' }),
    output_format: z.enum(['png', 'jpeg', 'webp']).default('png').meta({ description: 'Format of the result' }),
    strength: share().default(1).meta({ description: 'Share of the restored faces in the result' }),
    faces: z
      .union([z.enum(['all', 'largest', 'center']), z.array(z.int().min(0)).max(1000)])
      .default('all')
      .meta({ description: 'Which faces are restored: all, largest, center, or ids, the most certain face being 0' }),
    per_face: z
      .record(z.string().regex(/^\d{1,4}$/), z.object({ fidelity: share().optional(), strength: share().optional() }))
      .default({})
      .meta({ description: 'Fidelity and strength by the id of a face' }),
    grayscale: z
      .union([z.literal('auto'), z.boolean()])
      .default('auto')
      .meta({ description: 'Keep faces grey: in grey and toned photos (auto), always or never' }),
    never_worse: z
      .boolean()
      .default(true)
      .meta({ description: 'Leave faces as they are where the picture knows as much of them as the network' }),
    metadata: z
      .enum(['keep', 'none'])
      .default('keep')
      .meta({ description: 'Whether the result keeps the EXIF, XMP and IPTC data of the picture' }),
    temperature: z
      .number()
      .min(0)
      .default(0)
      .meta({ description: 'Above 0, codes are drawn with the seed instead of taking the best' }),
  })
  .meta({ title: 'CodeformerInput' });

const IMAGE = z
  .object({
    url: z.string().meta({ description: 'Address of the file, or a data URI' }),
    content_type: z.string(),
    file_name: z.string(),
    file_size: z.int().meta({ description: 'Bytes' }),
    width: z.int().meta({ description: 'Pixels' }),
    height: z.int().meta({ description: 'Pixels' }),
  })
  .meta({ title: 'Image' });

export const OUTPUT = z
  .object({ image: IMAGE, seed: z.int().meta({ description: 'That of the input, or the one that was drawn' }) })
  .meta({ title: 'CodeformerOutput' });

const LOG = z.object({
  message: z.string(),
  level: z.enum(['INFO', 'WARN', 'ERROR']),
  source: z.string(),
  timestamp: z.string().meta({ description: 'ISO 8601' }),
});

export const STATUS = z
  .object({
    status: z.enum(['IN_QUEUE', 'IN_PROGRESS', 'COMPLETED']),
    request_id: z.string(),
    response_url: z.string(),
    status_url: z.string(),
    cancel_url: z.string(),
    queue_position: z.int().optional().meta({ description: 'Requests that begin before this one, while it waits' }),
    logs: z.array(LOG).nullable().meta({ description: 'Null unless they were asked for by ?logs=1' }),
    metrics: z
      .object({ inference_time: z.number().meta({ description: 'Seconds from the begin to the end' }) })
      .optional()
      .meta({ description: 'Of requests that have ended' }),
    error: z.string().optional().meta({ description: 'Of requests that failed, or were cancelled' }),
    error_type: z.string().optional(),
  })
  .meta({ title: 'QueueStatus' });

export const INVALID = z
  .object({
    detail: z.array(z.object({ loc: z.array(z.union([z.string(), z.int()])), msg: z.string(), type: z.string() })),
  })
  .meta({ title: 'HTTPValidationError' });

export const CANCELLED = z.object({ status: z.enum(['CANCELLATION_REQUESTED', 'ALREADY_COMPLETED', 'NOT_FOUND']) });

export const UPLOAD = z.object({
  file_name: z.string().max(1000).optional(),
  content_type: z.string().max(200).optional(),
});

export type Output = z.output<typeof OUTPUT>;
export type Status = z.output<typeof STATUS>;

/** What is asked for, but that the picture of `imageUrl` may be a data URI still; `notes` say what was passed over. */
export interface Asked {
  readonly input: RestoreInput;
  readonly notes: readonly string[];
}

/**
 * Reads the body of a request. Fields that are null count as absent, as clients send them that know all fields.
 * @throws JobError 422
 */
export function parseInput(body: unknown): Asked {
  const given = withoutNulls(body);
  const value = checked(INPUT, given);
  const fields = given as Record<string, unknown>;
  const notes = Object.keys(fields)
    .filter(name => !Object.hasOwn(INPUT.shape, name))
    .map(name => `The field ${JSON.stringify(name.slice(0, 80))} is not known, and ignored`);
  const { upscale_factor: factor = value.upscaling } = value;
  const both = fields.upscaling !== undefined && factor !== value.upscaling;
  if (both) notes.push('upscale_factor is ignored, as upscaling is given');
  const input = {
    imageUrl: value.image_url,
    fidelity: value.fidelity,
    upscaling: both ? value.upscaling : factor,
    aligned: value.aligned,
    onlyCenterFace: value.only_center_face,
    faceUpscale: value.face_upscale,
    seed: value.seed,
    syncMode: value.sync_mode,
    outputFormat: value.output_format,
    strength: value.strength,
    faces: value.faces,
    perFace: value.per_face,
    grayscale: value.grayscale,
    neverWorse: value.never_worse,
    metadata: value.metadata,
    temperature: value.temperature,
  };
  return { input, notes };
}

const withoutNulls = (body: unknown): unknown =>
  typeof body === 'object' && body !== null && !Array.isArray(body)
    ? Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null))
    : body;

/**
 * A value that fits a schema.
 * @throws JobError 422 with a `detail` of `{ loc, msg, type }` for each fault
 */
export function checked<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const { success, data, error } = schema.safeParse(value, { reportInput: true });
  if (success) return data;
  const detail = error.issues.map(issue => {
    const path = issue.path.map(part => (typeof part === 'symbol' ? String(part) : part));
    return { loc: ['body', ...path], ...sayingOf(issue) };
  });
  throw new JobError(422, detail);
}

const TYPES: Readonly<Record<string, readonly [type: string, what: string]>> = {
  string: ['string_type', 'a string'],
  number: ['float_type', 'a number'],
  int: ['int_type', 'a whole number'],
  boolean: ['bool_type', 'true or false'],
  array: ['list_type', 'a list'],
  object: ['dict_type', 'an object'],
  record: ['dict_type', 'an object'],
};

/** What is wrong, in the words of the hosted API's own validation where it has some. */
function sayingOf(issue: z.core.$ZodIssue): { msg: string; type: string } {
  if (issue.code === 'invalid_type') {
    if (issue.input === undefined) return { type: 'missing', msg: 'Field required' };
    const [type, what] = TYPES[issue.expected] ?? ['value_error', issue.expected];
    return { type, msg: `Input should be ${what}` };
  }
  if (issue.code === 'too_big') {
    const { maximum } = issue;
    return { type: 'less_than_equal', msg: `Input should be less than or equal to ${maximum}` };
  }
  if (issue.code === 'too_small') {
    const { minimum, inclusive } = issue;
    return inclusive
      ? { type: 'greater_than_equal', msg: `Input should be greater than or equal to ${minimum}` }
      : { type: 'greater_than', msg: `Input should be greater than ${minimum}` };
  }
  if (issue.code === 'invalid_value') {
    return { type: 'literal_error', msg: `Input should be one of ${issue.values.map(String).join(', ')}` };
  }
  if (issue.code === 'invalid_format' && issue.path.at(-1) === 'image_url')
    return { type: 'url_scheme', msg: 'Input should be an address of http or https, or a data URI' };
  if (issue.code === 'invalid_union') {
    const words = issue.path[0] === 'faces' ? 'all, largest, center or a list of ids' : 'auto, true or false';
    return { type: 'value_error', msg: `Input should be ${words}` };
  }
  return { type: 'value_error', msg: issue.message };
}
