/** One side as a process of its own: its cache with its zones, and the clients that write to it and watch it. */
import { systemClock } from '#server-kit/clock.ts'
import { seededRandom } from '#server-kit/random.ts'
import type { Hit } from '../../../gateway/store/cache-store.ts'
import { placeOf } from './key-space.ts'
import { KnownWrites } from './known-writes.ts'
import { measure } from './measures.ts'
import { openSide } from './open-side.ts'
import type { Asked, SideOptions, Told } from './side-messages.ts'
import { Workload } from './workload.ts'

const settleEveryMs = 100
const settleWithinMs = 2_000
const atOnce = 32

const options = JSON.parse(process.argv[2] ?? '{}') as SideOptions
const { keys } = options
const own = new KnownWrites(keys)
const told = new KnownWrites(keys)
const lives: [number, number][] = []
let apartMs = 0
let telling = false

const side = await openSide(options, () => tell({ tell: 'received', atMs: systemClock.now() }))
const workload = new Workload({
  store: side.store,
  newStamp: side.newStamp,
  clock: systemClock,
  random: seededRandom(options.seed),
  keys,
  ...(side.increment === undefined ? {} : { increment: side.increment }),
  own,
  told,
  stampsOfItsOwn: options.strategy !== 'journal',
  skewMs: () => apartMs,
  lives: (index, untilMs) => lives.push([index, untilMs]),
  found: (violation) => tell({ tell: 'found', violation }),
})

process.on('message', (message: { readonly number: number; readonly asked: Asked }) => void answer(message))
// Without its parent it has nobody to work for.
process.on('disconnect', () => process.exit(0))
// At each turn: what is acknowledged must be known elsewhere when this process is killed the next moment.
own.onNews(() => {
  if (telling) return
  telling = true
  setImmediate(tellNews)
})
setTimeout(settle, settleEveryMs)
tell({ tell: 'ready', afterMs: performance.now() })

function tell(what: Told): void {
  if (process.connected) process.send?.(what)
}

function tellNews(): void {
  telling = false
  tell({ tell: 'acknowledged', raised: own.news(), counts: { ...workload.counts } })
  if (lives.length > 0) tell({ tell: 'lives', lives: lives.splice(0) })
}

async function settle(): Promise<void> {
  const before = own.all({ invalidationsOnly: true })
  if (await side.settled(settleWithinMs)) tell({ tell: 'settled', raised: before })
  setTimeout(settle, settleEveryMs)
}

async function answer({ number, asked }: { number: number; asked: Asked }): Promise<void> {
  tell({ tell: 'answer', number, value: await act(asked) })
}

async function act(asked: Asked): Promise<unknown> {
  switch (asked.do) {
    case 'know':
      own.learn(asked.own)
      told.learn(asked.told)
      return true
    case 'run':
      workload.start(asked)
      return true
    case 'stop':
      await workload.stop()
      tellNews()
      return true
    case 'clock':
      side.clock.offsetMs = asked.offsetMs
      apartMs = asked.apartMs
      return true
    case 'disk':
      side.disk(asked.state)
      return true
    case 'state':
      return side.state()
    case 'readAll':
      return readAll()
    case 'measure':
      return measure(side, asked.measure)
    case 'pend':
      return side.pend(asked.count)
    case 'listen':
      side.listen()
      return true
  }
}

async function readAll(): Promise<(Hit | undefined)[]> {
  const all: (Hit | undefined)[] = []
  for (let from = 0; from < keys; from += atOnce) {
    const some = Array.from({ length: Math.min(atOnce, keys - from) }, async (_, at) => {
      const { namespace, key } = placeOf(from + at)
      const found = await side.store.get(namespace, key, { deadlineMs: 500 })
      return found.kind === 'hit' ? found : undefined
    })
    all.push(...(await Promise.all(some)))
  }
  return all
}
