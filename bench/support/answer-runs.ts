/** Spoilt and good answers in turn through one proxy, and what its clients make of them. */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { Pool } from 'undici'
import { seededRandom } from '#server-kit/random.ts'
import { goodAnswer, markOf, type SpoiltAnswer, spoiltAnswer, strangerIn } from './spoilt-answers.ts'

/** What went wrong, counted. All must be 0 but `broken` and `refused`, which are what a spoilt answer may become. */
export interface AnswerTally {
  cases: number
  /** Relayed, as far as they can be. */
  passed: number
  refused: number
  broken: number
  /** Bytes of another request's answer. */
  poisoned: number
  /** A good answer that did not arrive as it is. */
  spoilt: number
  /** Another code than the one that the fault has. */
  miscoded: number
  /** The first few, for whoever looks for the reason. */
  readonly told: string[]
}

export interface SpoilingService extends AsyncDisposable {
  readonly url: string
}

/** A service on bare TCP: `/bad/N` and `/kind/N` get the spoilt answer N of the seed, `/good/N` the right one. */
export async function startSpoilingService(seed: number): Promise<SpoilingService> {
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    socket.setNoDelay(true)
    socket.once('close', () => sockets.delete(socket)).on('error', () => {})
    let head = ''
    socket.on('data', (chunk) => {
      head += chunk.toString('latin1')
      const end = head.indexOf('\r\n\r\n')
      if (end < 0) return
      const [, kind, number] = /^\S+ \/(bad|kind|good)\/(\d+)/.exec(head) ?? []
      head = head.slice(end + 4)
      if (kind === 'good') socket.write(goodAnswer(Number(number)))
      else write(socket, spoiltAnswer(Number(number), randomOf(seed, Number(number))))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.close()
      for (const socket of sockets) socket.destroy()
      if (sockets.size > 0) await once(server, 'close')
    },
  }
}

/** The same case, whoever asks and in whatever order. */
function randomOf(seed: number, number: number) {
  return seededRandom(seed * 1_000_003 + number)
}

function write(socket: Socket, { pieces, after }: Pick<SpoiltAnswer, 'pieces' | 'after'>, at = 0): void {
  const piece = pieces[at]
  if (socket.destroyed) return
  if (piece !== undefined) socket.write(piece, () => setImmediate(write, socket, { pieces, after }, at + 1))
  else if (after === 'close') socket.end()
  else if (after === 'reset') socket.resetAndDestroy()
}

export interface AnswerRun {
  readonly cases: number
  readonly seed: number
  /** Requests under way. */
  readonly atOnce: number
  /** Number of the first case. */
  readonly from?: number
  /** For a part of an answer to come. */
  readonly patienceMs?: number
}

/** Sends `cases` spoilt requests, each between two good ones: with fewer, the breaker would take the service for a failing one. */
export async function runAnswers(proxy: string, run: AnswerRun): Promise<AnswerTally> {
  const { cases, seed, atOnce, from = 0, patienceMs = 20_000 } = run
  const tally: AnswerTally = { cases, passed: 0, refused: 0, broken: 0, poisoned: 0, spoilt: 0, miscoded: 0, told: [] }
  const pool = new Pool(proxy, {
    connections: atOnce,
    pipelining: 1,
    headersTimeout: patienceMs,
    bodyTimeout: patienceMs,
  })
  let next = from
  const tell = (text: string): void => {
    if (tally.told.length < 5) tally.told.push(text)
  }
  const judge = (number: number, name: string, answer: { text: string } | undefined): void => {
    const stranger = answer === undefined ? undefined : strangerIn(answer.text, number)
    if (stranger === undefined) return
    tally.poisoned++
    tell(`${number} (${name}) was given the answer to ${stranger}`)
  }
  const good = async (number: number, name: string): Promise<void> => {
    const answer = await ask(pool, `/good/${number}`)
    judge(number, name, answer)
    // The spoilt answer has the same mark: only its words tell it apart.
    if (answer?.status === 200 && answer.text.endsWith(`\nmine ${markOf(number)}`)) return
    tally.spoilt++
    tell(`good ${number} beside ${name}: ${answer?.status ?? 'broken off'} ${answer?.text.slice(-160) ?? ''}`)
  }
  const client = async (): Promise<void> => {
    while (next < from + cases) {
      const number = next++
      const { expected, name } = spoiltAnswer(number, randomOf(seed, number))
      await good(number, name)
      // What has one right answer gets it at once; of the others some never end, and are not waited for as long.
      const bad = await ask(pool, `/${expected === undefined ? 'bad' : 'kind'}/${number}`)
      if (bad === undefined) tally.broken++
      else if (bad.status >= 500) tally.refused++
      else tally.passed++
      judge(number, name, bad)
      if (expected !== undefined && bad?.status !== expected) {
        tally.miscoded++
        tell(`${name} (${number}): ${bad?.status ?? 'broken off'} instead of ${expected}`)
      }
      await good(number, name)
    }
  }
  try {
    await Promise.all(Array.from({ length: atOnce }, client))
  } finally {
    await pool.destroy()
  }
  return tally
}

/** The answer with its fields and body as one text; undefined = it broke off. */
async function ask(pool: Pool, path: string): Promise<{ status: number; text: string } | undefined> {
  try {
    const { statusCode, headers, body } = await pool.request({
      path,
      method: 'GET',
      headers: { host: 'api.example.com' },
    })
    const text = Buffer.from(await body.arrayBuffer()).toString('latin1')
    return { status: statusCode, text: `${JSON.stringify(headers)}\n${text}` }
  } catch {
    // Broken off, which is what a broken answer must become.
    return undefined
  }
}
