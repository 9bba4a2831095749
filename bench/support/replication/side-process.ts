import { type ChildProcess, fork } from 'node:child_process'
import { eventually, within } from '../../../test/support/eventually.ts'
import type { Asked, SideOptions, Told } from './side-messages.ts'

export type News = Exclude<Told, { readonly tell: 'ready' | 'answer' }>

export interface SideProcess {
  readonly pid: number
  /** From the start of the process until it listened, ms. */
  readonly readyAfterMs: number
  /** Undefined when it ended before it answered. */
  ask<Answer>(asked: Asked): Promise<Answer | undefined>
  /** The same where the answer is of no interest. */
  tell(asked: Asked): void
  /** Resolves when it is gone, and all that it had told is heard. */
  kill(): Promise<void>
  /** Whether it ended without being told to. */
  readonly lost: boolean
}

const program = new URL('side.ts', import.meta.url)
const readyDeadlineMs = 60_000
const answerDeadlineMs = 120_000
const live = new Set<ChildProcess>()

// A proof that is broken off must not leave its sides behind.
process.once('exit', () => {
  for (const child of live) child.kill('SIGKILL')
})

/** Resolves when the side listens; fails with what it printed if it does not. */
export async function startSide(options: SideOptions, heard: (news: News) => void): Promise<SideProcess> {
  const child = fork(program, [JSON.stringify(options)], {
    serialization: 'advanced',
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  live.add(child)
  const startedAt = performance.now()
  let output = ''
  let readyAfterMs: number | undefined
  let killed = false
  let ended = false
  let number = 0
  const waiting = new Map<number, (value: unknown) => void>()
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => {
      output = (output + chunk.toString('utf8')).slice(-16_000)
    })
  child.on('message', (told: Told) => {
    if (told.tell === 'ready') readyAfterMs = performance.now() - startedAt
    else if (told.tell === 'answer') {
      waiting.get(told.number)?.(told.value)
      waiting.delete(told.number)
    } else heard(told)
  })
  const gone = new Promise<void>((resolve) => {
    // `close`: the channel too is empty.
    child.once('close', () => {
      live.delete(child)
      ended = true
      for (const answer of waiting.values()) answer(undefined)
      waiting.clear()
      resolve()
    })
  })
  // Who writes into the channel of a process that was just killed is told so, and has nothing to do about it.
  child.on('error', () => {})
  const isReady = () => readyAfterMs !== undefined || ended
  await eventually(isReady, { deadlineMs: readyDeadlineMs, everyMs: 2, what: 'a side that listens' })
  if (ended) throw new Error(`the side ${options.site} ended before it listened:\n${output.slice(-4000)}`)
  return {
    pid: child.pid ?? -1,
    readyAfterMs: readyAfterMs ?? 0,
    ask: async <Answer>(asked: Asked) => {
      if (ended || killed) return undefined
      const mine = number++
      const answer = new Promise<unknown>((resolve) => waiting.set(mine, resolve))
      child.send({ number: mine, asked })
      return (await within(answerDeadlineMs, `the answer to ${asked.do}`, answer)) as Answer | undefined
    },
    tell: (asked) => {
      if (!ended && !killed) child.send({ number: number++, asked })
    },
    kill: async () => {
      killed = true
      child.kill('SIGKILL')
      await within(10_000, 'the end of a killed side', gone)
    },
    get lost() {
      return ended && !killed
    },
  }
}
