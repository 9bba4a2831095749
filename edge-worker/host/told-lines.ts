import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import type { Clock } from '#server-kit/clock.ts'
import type { Log } from '#server-kit/log.ts'

const lineLimit = 2_000
const linesASecond = 20

/** Logs what a process says, 20 lines a second: workerd has two for each CONNECT, and no client is to fill a disk by that. */
export function tellLines(stream: Readable, log: Log, clock: Clock): void {
  let second = 0
  let told = 0
  let untold = 0
  createInterface(stream).on('line', (line) => {
    if (line === '') return
    const now = Math.floor(clock.monotonic() / 1_000)
    if (now !== second) {
      if (untold > 0) log.warn({ untold }, 'workerd said more')
      second = now
      told = untold = 0
    }
    if (told === linesASecond) {
      untold++
      return
    }
    told++
    log.warn({ line: line.slice(0, lineLimit) }, 'workerd says')
  })
}
