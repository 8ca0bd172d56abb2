// Bodies of JSON.

import { JobError } from './errors.js';
import { readBody } from './limits.js';

/**
 * The value of a body of JSON. Other types of content are refused, as pages of other sites could send them without being allowed to.
 * @throws JobError 415, 422, and as `readBody`
 */
export async function readJson(request: Request, maxBytes: number): Promise<unknown> {
  const type = request.headers.get('content-type') ?? '';
  if (!/^application\/([\w.-]+\+)?json\b/i.test(type))
    throw new JobError(415, 'Expected the header Content-Type: application/json');
  const text = new TextDecoder().decode(await readBody(request, maxBytes));
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new JobError(422, [{ loc: ['body'], msg: 'The body is no JSON', type: 'json_invalid' }], { cause });
  }
}
