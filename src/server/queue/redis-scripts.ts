// What a queue on Redis does with the records of jobs, each step as a script that runs as a whole or not at all. BullMQ hands the jobs to
// workers; these records say what became of them. A job ends once, whoever ends it first, and only the worker that began it last can end
// it by its work.
//
// KEYS[1] is the beginning of all keys: `job:ID` a hash, `logs:ID` a list of lines; `waiting` the jobs that wait, in the order in which
// they begin; `ages` the same by the time when they came, `running` those that run, `due` all of both by the time when they have to end,
// `ended` the others by when they did, `held` how many of those that wait are whose, `untold` those of them whose end is still to be told; `turns` the last turn of each owner, `turn`
// the one that is on.

import type { Redis } from 'ioredis';

/** The turns of all owners begin anew when all is done; later ones than this share the last one. BullMQ takes no larger priority. */
const LAST_TURN = 2_097_151;

const COMMON = `
local base = KEYS[1]
local function key(name) return base .. name end
local function job(id) return base .. 'job:' .. id end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function isOver(state) return state == 'COMPLETED' or state == 'CANCELLED' end

local function leave(id)
  if redis.call('ZREM', key('waiting'), id) == 1 then
    local owner = redis.call('HGET', job(id), 'owner')
    if owner and redis.call('HINCRBY', key('held'), owner, -1) <= 0 then redis.call('HDEL', key('held'), owner) end
  end
  redis.call('ZREM', key('ages'), id)
  redis.call('ZREM', key('running'), id)
end

local function remove(id)
  leave(id)
  redis.call('ZREM', key('due'), id)
  if redis.call('EXISTS', key('due')) == 0 then redis.call('DEL', key('turns'), key('turn'), key('held')) end
end

local function forget(id)
  redis.call('DEL', job(id), key('logs:' .. id))
  redis.call('ZREM', key('untold'), id)
end

-- Ends a job that has not ended, unless another worker than the one of a token has begun it since.
local function finish(id, token, state, output, failure, maxAge, maxEnded)
  local was, owner = unpack(redis.call('HMGET', job(id), 'state', 'token'))
  if not was then return 0 end
  if isOver(was) then
    -- The answer to the same call may have been lost.
    if token ~= '' and redis.call('HGET', job(id), 'endedBy') == token then return 1 end
    return 0
  end
  if token ~= '' and owner ~= token then return 0 end
  redis.call('HSET', job(id), 'state', state, 'finishedAt', now, 'endedBy', token)
  if output ~= '' then redis.call('HSET', job(id), 'output', output) end
  if failure ~= '' then redis.call('HSET', job(id), 'failure', failure) end
  remove(id)
  redis.call('ZADD', key('ended'), now, id)
  redis.call('ZADD', key('untold'), now, id)
  redis.call('PEXPIRE', job(id), maxAge)
  redis.call('PEXPIRE', key('logs:' .. id), maxAge)
  local old = redis.call('ZRANGEBYSCORE', key('ended'), '-inf', now - maxAge, 'LIMIT', 0, 100)
  local more = redis.call('ZCARD', key('ended')) - maxEnded
  if more > 0 then
    for _, other in ipairs(redis.call('ZRANGE', key('ended'), 0, math.min(more, 100) - 1)) do table.insert(old, other) end
  end
  for _, other in ipairs(old) do
    redis.call('ZREM', key('ended'), other)
    forget(other)
  end
  redis.call('PUBLISH', key('ended'), id)
  return 1
end
`;

const SCRIPTS = {
  /** Records a job that waits. Returns its turn; 0 where too many wait, of all or of its owner. */
  submitJob: `
local id, text, owner, createdAt, deadline, due, limit, limitPerOwner = unpack(ARGV)
local turn = redis.call('HGET', job(id), 'turn')
if turn then return tonumber(turn) end
if redis.call('ZCARD', key('waiting')) >= tonumber(limit) then return 0 end
if tonumber(redis.call('HGET', key('held'), owner) or 0) >= tonumber(limitPerOwner) then return 0 end
local on = tonumber(redis.call('GET', key('turn')) or 0)
local last = tonumber(redis.call('HGET', key('turns'), owner) or 0)
turn = math.min(math.max(on, last) + 1, ${LAST_TURN})
redis.call('HSET', key('turns'), owner, turn)
-- By turns, and within one by when they came.
local place = turn * 4294967296 + redis.call('INCR', key('count')) % 4294967296
redis.call('HINCRBY', key('held'), owner, 1)
redis.call('HSET', job(id), 'job', text, 'owner', owner, 'state', 'IN_QUEUE', 'attempts', 0, 'turn', turn, 'place', string.format('%.0f', place),
  'createdAt', createdAt, 'deadline', deadline, 'due', due)
redis.call('ZADD', key('waiting'), place, id)
redis.call('ZADD', key('ages'), createdAt, id)
redis.call('ZADD', key('due'), due, id)
for i = 9, #ARGV do redis.call('RPUSH', key('logs:' .. id), ARGV[i]) end
return turn`,

  /** Forgets a job that waits, as nobody was told that it does. */
  dropJob: `
local id = ARGV[1]
if redis.call('HGET', job(id), 'state') ~= 'IN_QUEUE' then return 0 end
remove(id)
forget(id)
return 1`,

  /** What is known of a job: its hash, its logs, its place. */
  readJob: `
local id = ARGV[1]
local place = redis.call('ZRANK', key('waiting'), id)
return { redis.call('HGETALL', job(id)), redis.call('LRANGE', key('logs:' .. id), 0, -1), place or 0 }`,

  /** Begins a job for a token. Returns it and how often it was begun; nothing where there is nothing to do any more. */
  beginJob: `
local id, token, most, failure, maxAge, maxEnded = unpack(ARGV)
local state, owner, text, attempts, turn, deadline = unpack(redis.call('HMGET', job(id), 'state', 'token', 'job', 'attempts', 'turn', 'deadline'))
if not state or isOver(state) then return nil end
-- The answer to the same call may have been lost.
if owner == token then return { text, attempts } end
if tonumber(attempts) >= tonumber(most) then
  finish(id, '', 'COMPLETED', '', failure, maxAge, maxEnded)
  return nil
end
attempts = redis.call('HINCRBY', job(id), 'attempts', 1)
redis.call('HSET', job(id), 'state', 'IN_PROGRESS', 'startedAt', now, 'token', token, 'logged', 0)
leave(id)
if tonumber(turn) > tonumber(redis.call('GET', key('turn')) or 0) then redis.call('SET', key('turn'), turn) end
redis.call('ZADD', key('running'), now, id)
redis.call('ZADD', key('due'), deadline, id)
redis.call('PUBLISH', key('changed'), id)
return { text, attempts }`,

  /** Adds the line of a number to the logs of a job that runs for a token. */
  logJob: `
local id, token, number, line = unpack(ARGV)
local owner, state, logged = unpack(redis.call('HMGET', job(id), 'token', 'state', 'logged'))
if owner ~= token or state ~= 'IN_PROGRESS' or tonumber(logged) >= tonumber(number) then return 0 end
redis.call('HSET', job(id), 'logged', number)
redis.call('RPUSH', key('logs:' .. id), line)
redis.call('PUBLISH', key('changed'), id)
return 1`,

  /** Ends a job: by the token of who runs it, or by none. */
  endJob: 'return finish(unpack(ARGV))',

  /** Lets a job wait again that a token has begun, as if it had not. */
  giveBackJob: `
local id, token = unpack(ARGV)
local holder, state, createdAt, due, place, owner = unpack(redis.call('HMGET', job(id), 'token', 'state', 'createdAt', 'due', 'place', 'owner'))
if holder ~= token or state ~= 'IN_PROGRESS' then return 0 end
redis.call('HSET', job(id), 'state', 'IN_QUEUE')
redis.call('HDEL', job(id), 'token', 'startedAt')
redis.call('HINCRBY', job(id), 'attempts', -1)
redis.call('ZREM', key('running'), id)
redis.call('ZADD', key('waiting'), place, id)
redis.call('HINCRBY', key('held'), owner, 1)
redis.call('ZADD', key('ages'), createdAt, id)
redis.call('ZADD', key('due'), due, id)
redis.call('PUBLISH', key('changed'), id)
return 1`,

  /** Ends jobs that have had their time. Returns those that waited. */
  endLate: `
local notBegun, tooLong, maxAge, maxEnded = unpack(ARGV)
local waited = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', key('due'), '-inf', now, 'LIMIT', 0, 100)) do
  local state, due, deadline = unpack(redis.call('HMGET', job(id), 'state', 'due', 'deadline'))
  if not state then
    remove(id)
  else
    if state == 'IN_QUEUE' then table.insert(waited, id) end
    local isLate = tonumber(deadline) <= now
    finish(id, '', 'COMPLETED', '', isLate and tooLong or notBegun, maxAge, maxEnded)
  end
end
return waited`,

  /** Of pairs of a job and a token, the jobs that the token does not run any more. */
  lostJobs: `
local lost = {}
for i = 1, #ARGV, 2 do
  local state, owner = unpack(redis.call('HMGET', job(ARGV[i]), 'state', 'token'))
  if state ~= 'IN_PROGRESS' or owner ~= ARGV[i + 1] then table.insert(lost, ARGV[i]) end
end
return lost`,

  /** Jobs that have not ended, with their turns. */
  openJobs: `
local found = {}
for _, id in ipairs(redis.call('ZRANGE', key('due'), 0, -1)) do
  table.insert(found, id)
  table.insert(found, redis.call('HGET', job(id), 'turn') or '')
end
return found`,

  /** How many wait and run, and when the one that waits longest came. */
  countJobs: `
local oldest = redis.call('ZRANGE', key('ages'), 0, 0, 'WITHSCORES')
return { redis.call('ZCARD', key('waiting')), redis.call('ZCARD', key('running')), oldest[2] or '' }`,

  /** Takes a job whose end is to be told, for some time. */
  claimEnd: `
local lease = tonumber(ARGV[1])
for _, id in ipairs(redis.call('ZRANGEBYSCORE', key('untold'), '-inf', now, 'LIMIT', 0, 100)) do
  if redis.call('EXISTS', job(id)) == 1 then
    redis.call('ZADD', key('untold'), now + lease, id)
    return id
  end
  redis.call('ZREM', key('untold'), id)
end
return nil`,

  /** Keeps what was taken for some more time, unless it was told meanwhile. */
  keepEnd: `
local id, lease = unpack(ARGV)
return redis.call('ZADD', key('untold'), 'XX', now + tonumber(lease), id)`,
};

export type Script = keyof typeof SCRIPTS;

/** Teaches the scripts to a connection. */
export function defineScripts(redis: Redis): void {
  for (const [name, lua] of Object.entries(SCRIPTS)) redis.defineCommand(name, { numberOfKeys: 1, lua: COMMON + lua });
}

/** Runs a script. */
export function runScript(redis: Redis, script: Script, base: string, ...args: (string | number)[]): Promise<unknown> {
  const commands = redis as unknown as Record<Script, (...args: (string | number)[]) => Promise<unknown>>;
  return commands[script](base, ...args);
}
