import { Readable } from 'node:stream'
import { asProblem } from '#server-kit/problem-reply.ts'
import { problems } from '../errors.ts'
import { isStale, noExpiry } from '../store/cache-store.ts'
import type { CacheCommand } from './cache-command.ts'
import { type CommandAnswer, refused } from './command-runner.ts'
import { leaseWords } from './http-answer.ts'
import { unique } from './item-commands.ts'
import { readLine } from './json-command.ts'
import { KeyTurns } from './key-turns.ts'

/** Many commands in one request: NDJSON in, NDJSON out, a line each, in order. They are not atomic. */

export const batchMediaType = 'application/x-ndjson'
export const batchLimitBytes = 8 * 1024 * 1024
export const batchLimitLines = 1_000
/** Of one batch at a time: each may hold a value of a megabyte. */
const atOnce = 8

/** Throws `cache-too-large` before anything is done. */
export function splitLines(body: Buffer): Buffer[] {
  const lines: Buffer[] = []
  for (let from = 0; from < body.length; ) {
    const end = body.indexOf(0x0a, from)
    const to = end === -1 ? body.length : end
    if (lines.length === batchLimitLines) throw problems['cache-too-large']({ limit: batchLimitLines, unit: 'lines' })
    lines.push(body.subarray(from, body[to - 1] === 0x0d ? Math.max(from, to - 1) : to))
    from = to + 1
  }
  return lines
}

export interface BatchOptions {
  /** Refuses by throwing; else answers. */
  readonly run: (command: CacheCommand, line: number) => Promise<CommandAnswer>
  readonly nowMs: () => number
}

/** Goes on as fast as it is read; what nobody reads any more is not begun. */
export const batchAnswers = (lines: readonly Buffer[], options: BatchOptions): Readable =>
  Readable.from(answersOf(lines, options), { objectMode: false, highWaterMark: 64 * 1024 })

export async function* answersOf(lines: readonly Buffer[], options: BatchOptions): AsyncGenerator<string> {
  // Commands on one key in their order: a put and the get behind it are not to overtake one another.
  const turns = new KeyTurns(atOnce)
  const begun: Promise<string>[] = []
  for (let line = 0; line < lines.length || begun.length > 0; ) {
    while (begun.length < atOnce && line < lines.length)
      begun.push(answerLine(lines[line] as Buffer, line++, turns, options))
    yield (await begun.shift()) as string
  }
}

async function answerLine(bytes: Buffer, line: number, turns: KeyTurns, { run, nowMs }: BatchOptions): Promise<string> {
  const answer = await runLine(bytes, line, turns, run)
  return `${JSON.stringify(lineAnswer(answer, nowMs()))}\n`
}

async function runLine(bytes: Buffer, line: number, turns: KeyTurns, run: BatchOptions['run']): Promise<CommandAnswer> {
  try {
    const command = readLine(bytes)
    const answer = await turns.take(command.key, () => run(command, line))
    return answer ?? refused(problems['cache-write-unavailable']({ because: 'too many lines are under way' }))
  } catch (error) {
    return refused(asProblem(error))
  }
}

function lineAnswer(answer: CommandAnswer, nowMs: number): Readonly<Record<string, unknown>> {
  switch (answer.kind) {
    case 'hit': {
      const { hit } = answer
      return {
        status: 200,
        unique: String(unique(hit)),
        value: hit.value.toString('base64'),
        flags: hit.flags,
        ...(hit.ttlMs === noExpiry ? {} : { ttl: Math.floor(hit.ttlMs / 1000) }),
        ...(hit.contentType === undefined ? {} : { contentType: hit.contentType }),
        ...(hit.contentEncoding === undefined ? {} : { contentEncoding: hit.contentEncoding }),
        ...(isStale(hit, nowMs) ? { stale: true } : {}),
      }
    }
    case 'stored':
      return { status: answer.isNew ? 201 : 204, unique: String(answer.unique) }
    case 'done':
      return { status: 204, ...(answer.unique === undefined ? {} : { unique: String(answer.unique) }) }
    case 'counted':
      return { status: 200, unique: String(answer.unique), value: String(answer.value) }
    case 'lease':
      return { status: 200, ...leaseWords(answer.turn) }
    case 'refused': {
      const { problem, reason } = answer
      const { status, code } = problem
      return { status, code, ...(reason === undefined ? { detail: problem.message } : { reason }) }
    }
  }
}
