// The description of the server in OpenAPI, made of the schema that requests are checked with.

import { z } from 'zod';
import { ENDPOINT } from './answers.js';
import { CANCELLED, INPUT, INVALID, OUTPUT, STATUS } from './schema.js';

const json = (name: string) => ({ 'application/json': { schema: { $ref: `#/components/schemas/${name}` } } });

const answer = (description: string, name?: string) => ({ description, ...(name && { content: json(name) }) });

const ID = { name: 'request_id', in: 'path', required: true, schema: { type: 'string', format: 'uuid' } };

const query = (name: string, description: string, type = 'string') => ({
  name,
  in: 'query',
  description,
  schema: { type },
});

/** What every route of a request may answer. */
const REFUSALS = {
  401: answer('No valid key', 'Error'),
  404: answer('No such request of this key', 'Error'),
};

const POSTED = {
  401: answer('No valid key', 'Error'),
  413: answer('The body is too large', 'Error'),
  422: answer('The input is not valid, or its picture cannot be fetched or read', 'HTTPValidationError'),
  429: answer('The queue is full, or the allowance of the key is used up: see Retry-After', 'Error'),
  507: answer('The storage is full', 'Error'),
};

const EVENTS = { 'text/event-stream': { schema: { type: 'string' } } };

/**
 * The description.
 * @param base address of the server
 * @param version of the package
 */
export function openApi(base: string, version: string): object {
  const schemaOf = (schema: z.ZodType, io: 'input' | 'output' = 'output') => {
    const { $schema, ...rest } = z.toJSONSchema(schema, { io });
    return rest;
  };
  const requestBody = { required: true, content: json('CodeformerInput') };
  const byId = { parameters: [ID] };
  const requests = `/queue${ENDPOINT}/requests/{request_id}`;
  return {
    openapi: '3.1.0',
    info: { title: 'codeformer-webgpu', version, description: 'Finds the faces of a picture and restores them.' },
    servers: [{ url: base }],
    security: [{ key: [] }],
    paths: {
      [ENDPOINT]: {
        post: {
          summary: 'Restore a picture and wait for the result',
          requestBody,
          responses: { 200: answer('The result', 'CodeformerOutput'), ...POSTED },
        },
      },
      [`${ENDPOINT}/stream`]: {
        post: {
          summary: 'Restore a picture: its logs as events, and the result as the last one',
          requestBody,
          responses: { 200: { description: 'Events', content: EVENTS }, ...POSTED },
        },
      },
      [`/queue${ENDPOINT}`]: {
        post: {
          summary: 'Put a request into the queue',
          parameters: [query('fal_webhook', 'An address that gets the result by POST')],
          requestBody,
          responses: { 200: answer('The request is in the queue', 'QueueStatus'), ...POSTED },
        },
      },
      [requests]: {
        ...byId,
        get: {
          summary: 'The result',
          responses: {
            200: answer('The result', 'CodeformerOutput'),
            400: answer('The request has not ended yet', 'Error'),
            ...REFUSALS,
            422: answer('The request failed', 'HTTPValidationError'),
            499: answer('The request was cancelled', 'Error'),
            504: answer('The request took too long', 'Error'),
          },
        },
      },
      [`${requests}/status`]: {
        ...byId,
        get: {
          summary: 'The status',
          parameters: [query('logs', '1 for the logs', 'string')],
          responses: {
            200: answer('The request has ended', 'QueueStatus'),
            202: answer('The request waits or runs', 'QueueStatus'),
            ...REFUSALS,
          },
        },
      },
      [`${requests}/status/stream`]: {
        ...byId,
        get: {
          summary: 'The status, now and after each change; logs are those since the event before',
          parameters: [query('logs', '1 for the logs', 'string')],
          responses: { 200: { description: 'Events of QueueStatus', content: EVENTS }, ...REFUSALS },
        },
      },
      [`${requests}/cancel`]: {
        ...byId,
        put: {
          summary: 'End a request',
          responses: {
            202: answer('It is ended', 'Cancelled'),
            400: answer('It has ended already', 'Cancelled'),
            401: REFUSALS[401],
            404: answer('There is none', 'Cancelled'),
          },
        },
      },
    },
    components: {
      securitySchemes: {
        key: { type: 'apiKey', in: 'header', name: 'Authorization', description: '`Key` and the key' },
      },
      schemas: {
        CodeformerInput: schemaOf(INPUT, 'input'),
        CodeformerOutput: schemaOf(OUTPUT),
        QueueStatus: schemaOf(STATUS),
        Cancelled: schemaOf(CANCELLED),
        HTTPValidationError: schemaOf(INVALID),
        Error: { type: 'object', properties: { detail: { type: 'string' } }, required: ['detail'] },
      },
    },
  };
}
