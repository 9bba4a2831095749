import { connect } from 'node:net'
import type { Case } from './cases.ts'
import { readRequests } from './reader.ts'
import type { RecordingService, Seen } from './service.ts'

/** What a front let happen, over all cases. */
export interface Findings {
  cases: number
  /** Requests that the service saw. */
  seen: number
  /** Seen, and not among those that a strict reader finds in what was sent. */
  notSent: number
  /** Seen, and its answer did not come to who sent it. */
  unanswered: number
  /** Answers that belong to somebody else. */
  misdirected: number
  readonly samples: string[]
}

/** For what was seen to be answered, and for anything at all to come back, ms: a machine may be busy with other things. */
const answerMs = 10_000
const silenceMs = 1_000
const atOnce = 48
const sampleLimit = 5

/** Sends each case over a connection of its own, several at once, and compares what was sent, seen and answered. */
export async function attack(port: number, cases: Iterable<Case>, service: RecordingService): Promise<Findings> {
  const findings: Findings = { cases: 0, seen: 0, notSent: 0, unanswered: 0, misdirected: 0, samples: [] }
  const next = cases[Symbol.iterator]()
  const worker = async (): Promise<void> => {
    for (let step = next.next(); !step.done; step = next.next()) {
      const received = await exchange(port, step.value, service)
      compare(step.value, service.seen(step.value.id), received, findings)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return findings
}

function compare({ id, bytes }: Case, seen: readonly Seen[], received: string, findings: Findings): void {
  const sent = readRequests(bytes, 'strict').requests
  const serials = [...received.matchAll(/x-seen: (s\d+\.)/gi)].map(([, serial]) => serial)
  let at = 0
  const note = (what: 'notSent' | 'unanswered' | 'misdirected', of: string): void => {
    findings[what]++
    if (findings.samples.length >= sampleLimit) return
    findings.samples.push(`${what} in case ${id}: ${of}\n  sent ${JSON.stringify(bytes.slice(0, 900))}`)
  }
  findings.cases++
  findings.seen += seen.length
  for (const request of seen) {
    const known = sent.findIndex(
      ({ method, target, body }, index) =>
        index >= at && method === request.method && target === request.target && body === request.body,
    )
    if (known < 0) note('notSent', `${request.method} ${request.target}`)
    else at = known + 1
    if (!serials.includes(request.serial)) note('unanswered', `${request.method} ${request.target}`)
  }
  for (const serial of serials) if (!seen.some((request) => request.serial === serial)) note('misdirected', `${serial}`)
}

/** All that came back until the other side closed, or until nothing more can be expected. */
function exchange(port: number, { id, pieces }: Case, service: RecordingService): Promise<string> {
  return new Promise((resolve) => {
    // From many addresses: the ports of one are used up by so many connections.
    const localAddress = `127.0.4.${1 + (id % 200)}`
    const socket = connect({ port, host: '127.0.0.1', localAddress, noDelay: true })
    const begun = performance.now()
    let received = ''
    let quiet: NodeJS.Timeout | undefined
    const finish = (): void => {
      clearTimeout(quiet)
      clearTimeout(limit)
      socket.destroy()
      resolve(received)
    }
    const limit = setTimeout(finish, answerMs)
    // Who waits for the rest of a body that never comes is not waited for: all that was seen has its answer.
    const look = (): void => {
      clearTimeout(quiet)
      quiet = setTimeout(() => {
        const silent = received === '' && performance.now() - begun < silenceMs
        if (!silent && service.seen(id).every(({ serial }) => received.includes(`x-seen: ${serial}`))) finish()
        else look()
      }, 60)
    }
    socket.on('error', () => {})
    socket.once('close', finish)
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1')
      look()
    })
    const [first, second] = pieces
    if (first !== undefined) socket.write(first)
    if (second !== undefined) setImmediate(() => socket.destroyed || socket.write(second))
    look()
  })
}
