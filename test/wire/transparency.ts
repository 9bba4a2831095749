/** Direct against through a real edge: the same bytes, or the same conversation, but for what is documented. */
import type { Placement } from '#routes/placement.ts'
import { type RecordedRequest, type RecordingUpstream, startRecordingUpstream } from '../support/recording-upstream.ts'
import { placement, placementSet, route, structure } from '../support/tables.ts'
import { type Careless, startCareless } from './careless-edge.ts'
import { type Compared, compareAnswers, compareRequests } from './compare-messages.ts'
import type { DifferenceName } from './documented-differences.ts'
import { type EdgeBed, sendRaw, startEdgeBed } from './edge-bed.ts'
import { memoryDuring } from './edge-memory.ts'
import { isWholeAnswer } from './message.ts'
import { type ScriptedOrigin, startScriptedOrigin } from './scripted-origin.ts'
import type { BytesCase, Line, TalkCase, WireCase } from './wire-case.ts'
import { themes } from './wire-cases.ts'
import { WireEnd } from './wire-end.ts'

export interface Comparison {
  readonly theme: string
  readonly name: string
  readonly documented: readonly DifferenceName[]
  /** What differs all the same; empty = transparent. */
  readonly faults: readonly string[]
  /** Measured on the way. */
  readonly figures: readonly string[]
}

export interface TransparencyOptions {
  /** How much each stream carries. */
  readonly streamBytes: number
  /** How long a second lasts for slow senders. Default 1000. */
  readonly secondMs?: number
}

/** One edge, its origins, and who compares. */
export interface Transparency extends AsyncDisposable {
  /** Every case, `times` times (default 1), each on connections of its own. */
  compareAll(times?: number): Promise<Comparison[]>
  /** A negative control: the cases that must find it, with something careless between client and edge. */
  compareBehind(careless: Careless): Promise<Comparison[]>
}

export async function startTransparency(options: TransparencyOptions): Promise<Transparency> {
  const bed = await startBed(options)
  const compare = async (theme: string, wireCase: WireCase, times: number): Promise<Comparison> => {
    const found: Compared[] = []
    const figures: string[] = []
    for (let time = 0; time < times; time++) found.push(...(await hold(wireCase, bed, figures)))
    return {
      theme,
      name: wireCase.name,
      documented: [...new Set(found.flatMap(({ documented }) => [...documented]))],
      faults: [...new Set(found.flatMap(({ faults }) => faults))],
      figures: figures.slice(-2),
    }
  }
  const compareOf = async (wanted: (name: string) => boolean, times: number): Promise<Comparison[]> => {
    const compared: Comparison[] = []
    for (const [theme, cases] of Object.entries(themes))
      for (const wireCase of cases) if (wanted(wireCase.name)) compared.push(await compare(theme, wireCase, times))
    return compared
  }
  return {
    compareAll: (times = 1) => compareOf(() => true, times),
    compareBehind: async (careless) => {
      await using between = await startCareless(bed.edge.port, careless)
      bed.edgePort = between.port
      return await compareOf((name) => careless.foundBy.includes(name), 1).finally(() => {
        bed.edgePort = bed.edge.port
      })
    },
    [Symbol.asyncDispose]: bed[Symbol.asyncDispose],
  }
}

interface Bed extends Required<TransparencyOptions>, AsyncDisposable {
  readonly edge: EdgeBed
  /** Where clients find the edge: itself, or what is careless before it. */
  edgePort: number
  readonly recording: RecordingUpstream
  readonly scripted: ScriptedOrigin
  /** What the recording origin answers next. */
  speaking: { readonly wireCase: BytesCase; readonly hint: boolean }
}

/** Exchanges go to a recording origin, conversations to a scripted one; both are asked directly, too. */
async function startBed({ streamBytes, secondMs = 1_000 }: TransparencyOptions): Promise<Bed> {
  const scripted = await startScriptedOrigin()
  const recording = await startRecordingUpstream(({ head }) => {
    // A copy that a case made is never answered, so that it is under way until its request has ended.
    if (/\r\nx-tidegate-shadow:/i.test(head)) return new Promise(() => undefined)
    const { wireCase, hint } = bed.speaking
    const bytes = hint ? hinted(wireCase.answer) : wireCase.answer
    return { bytes, after: wireCase.closes ? 'close' : 'keep' }
  })
  const hosts = [
    { name: 'api.example.com', aliases: [], unsafeTargets: 'reject' as const },
    { name: 'old.example.com', aliases: [], unsafeTargets: 'observe' as const },
  ]
  const routes = ['talk', 'copied'].map((service) => route(`/${service}/**`, { service }))
  const shadow: Placement['shadow'] = { to: 'onprem', at: 'edge', sample: 10_000, again: 0, maxInFlight: 8 }
  const placements = [placement('talk', { owner: 'cloud' }), placement('copied', { owner: 'cloud', shadow })]
  const edge = await startEdgeBed({
    more: { sites: { onprem: recording.url, cloud: scripted.url } },
    offer: async (sealer) => ({
      structure: await sealer.structure(structure([route('/v1/orders/**'), ...routes], { hosts })),
      placements: await sealer.placements(placementSet(placements)),
    }),
  })
  const bed: Bed = {
    edge,
    edgePort: edge.port,
    recording,
    scripted,
    streamBytes,
    secondMs,
    speaking: { wireCase: { name: '', request: '', answer: '' }, hint: false },
    [Symbol.asyncDispose]: async () => {
      await edge[Symbol.asyncDispose]()
      await Promise.all([recording.close(), scripted[Symbol.asyncDispose]()])
    },
  }
  return bed
}

/** With a gateway's words for the edge, whose removal makes the edge build the answer anew (D7). */
function hinted(answer: string): string {
  const words = 'x-tidegate-table: s=1;p=9\r\nX-Tidegate-Failover: no\r\nx-tidegate-sticky: a.1.k1.m\r\n'
  return answer.replace(/^((?:HTTP\/1\.1 1\d\d [\s\S]*?\r\n\r\n)*HTTP[^\r]*\r\n)/, `$1${words}`)
}

function hold(wireCase: WireCase, bed: Bed, figures: string[]): Promise<Compared[]> {
  return 'talk' in wireCase ? holdTalk(wireCase, bed, figures) : holdExchange(wireCase, bed)
}

/** The answer as it is, and once more with something for the edge to take out of it. */
async function holdExchange(wireCase: BytesCase, bed: Bed): Promise<Compared[]> {
  // Nobody behind the edge reads what it refuses, nor need the origin here be able to.
  const direct = wireCase.refused === undefined ? await exchange(wireCase, bed, bed.recording.port, false) : unheard
  // A case that says nothing directly would find nothing.
  const compared: Compared[] = wireCase.refused === undefined && direct.answer === undefined ? [unable] : []
  for (const hint of [false, true]) {
    const through = await exchange(wireCase, bed, bed.edgePort, hint)
    compared.push(...judge(wireCase, direct, through))
  }
  return compared
}

interface Exchanged {
  /** What the origin read; undefined = it never came. */
  readonly request: string | undefined
  /** What the client read; undefined = never a whole answer. */
  readonly answer: string | undefined
}

const unable: Compared = { documented: new Set(), faults: ['the case itself does not hold'] }

const unheard: Exchanged = { request: undefined, answer: undefined }

async function exchange(wireCase: BytesCase, bed: Bed, port: number, hint: boolean): Promise<Exchanged> {
  const before = bed.recording.requests.length
  bed.speaking = { wireCase, hint }
  const options = { wholeWhen: isWholeAnswer(wireCase.request), deadlineMs: 3_000 }
  // An answer that never becomes whole is a difference, too.
  const answer = await sendRaw(port, wireCase.request, options).catch(() => undefined)
  const request = bed.recording.requests[before]
  return { request: request && textOf(request), answer }
}

function judge({ request, refused, spoilt, leavesAs }: BytesCase, direct: Exchanged, through: Exchanged): Compared[] {
  const own = refused ?? spoilt
  const compared: Compared[] = []
  if (refused === undefined) {
    compared.push(compareRequests(direct.request ?? 'never came', through.request ?? 'never came', leavesAs?.target))
    if (leavesAs !== undefined) compared.push(as(leavesAs.as))
  } else if (through.request !== undefined) {
    compared.push({ documented: new Set(), faults: ['request: came to the origin'] })
  }
  if (own === undefined) {
    compared.push(compareAnswers(request, direct.answer ?? 'never whole', through.answer ?? 'never whole'))
  } else {
    const status = Number(through.answer?.split(' ', 2)[1])
    const faults = status === own.status ? [] : [`answer: status ${status} and not ${own.status}`]
    compared.push({ ...as(own.as), faults })
  }
  return compared
}

function as(name: DifferenceName): Compared {
  return { documented: new Set([name]), faults: [] }
}

async function holdTalk(wireCase: TalkCase, bed: Bed, figures: string[]): Promise<Compared[]> {
  const { instead } = wireCase
  const direct = await saw(wireCase, bed, bed.scripted.port, figures)
  const through = await saw(wireCase, bed, bed.edgePort, figures)
  const expected = instead?.saw ?? direct
  const faults = Array.from({ length: Math.max(expected.length, through.length) }, (_, at) =>
    expected[at] === through[at] ? [] : [`${JSON.stringify(expected[at])} is ${JSON.stringify(through[at])}`],
  ).flat()
  const same = JSON.stringify(direct) === JSON.stringify(through)
  if (direct[0]?.startsWith(inVain)) return [unable]
  // A difference that is none any more must leave the document, too.
  if (instead !== undefined && same) faults.push(`"${instead.as}" is documented, and nothing differs`)
  return [{ documented: new Set(instead === undefined ? [] : [instead.as]), faults }]
}

const inVain = 'in vain:'

/** One conversation. Who waits in vain saw that, too. */
async function saw({ talk }: TalkCase, bed: Bed, port: number, figures: string[]) {
  const { scripted, edge, streamBytes, secondMs } = bed
  const way = port === scripted.port ? 'direct' : 'edge'
  const clients: WireEnd[] = []
  const before = scripted.connections
  const line: Line = {
    streamBytes,
    secondMs,
    client: async () => {
      const end = await WireEnd.open(port)
      clients.push(end)
      return end
    },
    origin: () => scripted.next(),
    get connections() {
      return scripted.connections - before
    },
    memoryDuring: async (work) => {
      if (way === 'edge') return memoryDuring(edge.home, work)
      await work()
      return { growth: 0, most: 0 }
    },
    note: (figure) => void figures.push(`${way}: ${figure}`),
  }
  try {
    return await talk(line)
  } catch (cause) {
    return [`${inVain} ${(cause as Error).message}`]
  } finally {
    for (const client of clients) client[Symbol.dispose]()
    scripted.clear()
  }
}

function textOf({ head, body }: RecordedRequest): string {
  return head + body.toString('latin1')
}
