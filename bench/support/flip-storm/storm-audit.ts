/** Judges a storm by three files: the loader's and one of each site's services. Nothing of ours decides here. */
import { readFileSync } from 'node:fs'
import { auditWrites, type Execution, type LedgerVerdict, readExecutions } from '../write-ledger.ts'
import { type Asked, type Changed, type Kind, kinds, type Line } from './storm-record.ts'

export interface StormVerdict {
  readonly counts: Readonly<Record<Kind, number>>
  readonly messages: number
  /** What any user would complain of, and changes that were refused. */
  readonly errors: readonly string[]
  readonly writes: LedgerVerdict
  /** Users who were served by both sites while one epoch held, for what one side serves. */
  readonly bounced: readonly string[]
  /** Reads and writes that left while an epoch held, and were answered or executed elsewhere than where it says. */
  readonly misplaced: readonly string[]
  readonly changes: readonly ChangeFigures[]
}

/** What is there while an epoch takes over from the one before; measured, not judged. */
export interface ChangeFigures {
  readonly name: string
  readonly epoch: number
  /** From the call until every gateway held it, ms. */
  readonly tookMs: number
  /** From the first write at the new site to the last at the old one, ms; 0 = they did not overlap, or stayed. */
  readonly overlapMs: number
  /** Users whom the old side served once more after the new one had. */
  readonly wavered: number
}

/** `run` begins the ids of its writes. */
export function auditStorm(loaderFile: string, serviceFiles: readonly string[], run: string): StormVerdict {
  const lines = readFileSync(loaderFile, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
  return judgeStorm(
    lines.map((line) => JSON.parse(line) as Line),
    readExecutions(serviceFiles).filter(({ writeId }) => writeId?.startsWith(`${run}-`)),
  )
}

export function judgeStorm(lines: readonly Line[], executions: readonly Execution[]): StormVerdict {
  const asked = lines.filter((line) => line.what === 'asked')
  const changed = lines.filter((line) => line.what === 'changed').sort((a, b) => a.calledAt - b.calledAt)
  const served = asked.filter(({ fault, site }) => fault === undefined && site !== undefined)
  const acknowledged = served.flatMap(({ writeId, site }): [string, string][] =>
    writeId === undefined || site === undefined ? [] : [[writeId, site]],
  )
  const epochs = epochsOf(changed)
  return {
    counts: Object.fromEntries(kinds.map((kind) => [kind, asked.filter((one) => one.kind === kind).length])) as Record<
      Kind,
      number
    >,
    messages: asked.reduce((sum, { messages = 0 }) => sum + messages, 0),
    errors: lines.flatMap((line) => (line.fault === undefined ? [] : [`${nameOf(line)}: ${line.fault}`])),
    writes: auditWrites(new Map(acknowledged), executions),
    bounced: epochs.flatMap((epoch) => bouncedIn(epoch, served)),
    misplaced: epochs.flatMap((epoch) => misplacedIn(epoch, asked, executions)),
    changes: epochs.slice(1).map((epoch, at) => figuresOf(epochs[at] as Epoch, epoch, served, executions)),
  }
}

function nameOf(line: Line): string {
  return line.what === 'asked' ? `${line.kind} of ${line.user}` : line.name
}

/** From the moment at which every gateway held it until the next change was asked for. */
interface Epoch extends Changed {
  readonly until: number
}

function epochsOf(changed: readonly Changed[]): Epoch[] {
  return changed.map((change, at) => ({ ...change, until: changed[at + 1]?.calledAt ?? Number.POSITIVE_INFINITY }))
}

/** Reads and writes may be at different sides, so each goes its own way; through a socket a client may write. */
function trackOf({ user, kind }: Asked): string {
  return `${user} ${isWrite(kind) ? 'writes' : 'reads'}`
}

function isWrite(kind: Kind): boolean {
  return kind === 'POST' || kind === 'WebSocket'
}

function bouncedIn({ epoch, heldAt, until }: Epoch, served: readonly Asked[]): string[] {
  const within = served.filter(({ sentAt, answeredAt }) => sentAt > heldAt && answeredAt < until)
  return [...Map.groupBy(within, trackOf)].flatMap(([track, answers]) => {
    const sites = new Set(answers.map(({ site }) => site))
    return sites.size > 1 ? [`${track} in epoch ${epoch}: ${[...sites].join(' and ')}`] : []
  })
}

/** Reads and sockets by what their users were told, POSTs by what services did, told or not. */
function misplacedIn(
  { epoch, heldAt, until, reads, writes }: Epoch,
  asked: readonly Asked[],
  executions: readonly Execution[],
) {
  const within = asked.filter(({ sentAt, answeredAt }) => sentAt > heldAt && answeredAt < until)
  const ids = new Set(within.flatMap(({ writeId }) => (writeId === undefined ? [] : [writeId])))
  const written = executions.filter(({ writeId, site }) => writeId !== undefined && ids.has(writeId) && site !== writes)
  const told = within.filter(({ kind, site }) => {
    const expected = isWrite(kind) ? writes : reads
    return kind !== 'POST' && expected !== undefined && (site ?? expected) !== expected
  })
  return [
    ...written.map(({ writeId, site }) => `${writeId} in epoch ${epoch}: at ${site}`),
    ...told.map(({ kind, user, site }) => `${kind} of ${user} in epoch ${epoch}: at ${site}`),
  ]
}

function figuresOf(
  before: Epoch,
  { name, epoch, calledAt, heldAt, writes, until }: Epoch,
  served: readonly Asked[],
  executions: readonly Execution[],
): ChangeFigures {
  const meanwhile = executions.filter(({ writeId, at }) => writeId !== undefined && at >= calledAt && at < until)
  const at = (site: string): number[] => meanwhile.filter((one) => one.site === site).map((one) => one.at)
  const moved = before.writes !== writes
  const overlapMs = moved ? Math.max(0, highest(at(before.writes)) - lowest(at(writes))) : 0
  const around = served.filter(({ sentAt, answeredAt }) => answeredAt > calledAt && sentAt <= heldAt)
  const wavered = [...Map.groupBy(around, trackOf).values()].filter(switchedTwice).length
  return { name, epoch, tookMs: heldAt - calledAt, overlapMs: Number.isFinite(overlapMs) ? overlapMs : 0, wavered }
}

/** Three requests, each sent when the one before was answered, the second by another site than the first and the third. */
function switchedTwice(answers: readonly Asked[]): boolean {
  const first = answers.reduce((a, b) => (b.sentAt < a.sentAt ? b : a))
  const away = answers.filter(({ site, sentAt }) => site !== first.site && sentAt > first.answeredAt)
  const left = lowest(away.map(({ answeredAt }) => answeredAt))
  return answers.some(({ site, sentAt }) => site === first.site && sentAt > left)
}

// Not by spreading: hundreds of thousands of arguments are too many.
const lowest = (values: readonly number[]): number => values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY)
const highest = (values: readonly number[]): number => values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
