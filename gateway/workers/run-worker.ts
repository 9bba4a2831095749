import { systemClock } from '#server-kit/clock.ts'
import { runUntilAsked } from '#server-kit/lifecycle.ts'
import { systemRandom } from '#server-kit/random.ts'
import { openGateway } from '../gateway.ts'
import { type Command, handedDown, pulseMs, type Word } from './messages.ts'
import type { Program } from './program.ts'

/** One process that accepts from the sockets of its supervisor, and does what that one says. */
export async function runWorker({ file, start, log, version }: Program): Promise<void> {
  const asked = Promise.withResolvers<string>()
  const gateway = await openGateway({
    config: start.config,
    log,
    clock: systemClock,
    random: systemRandom,
    version,
    end: () => say({ kind: 'end' }),
    source: { file, env: process.env, start },
    handed: {
      public: handedDown.public,
      internal: handedDown.internal,
      ports: start.config.yaml.cache.ports.map((_, at) => handedDown.firstPort + at),
      onNotAccepting: () => say({ kind: 'not-accepting' }),
      onReload: () => say({ kind: 'reload' }),
    },
  })
  gateway.lifecycle.add({
    name: 'word to the supervisor',
    start: async () => say({ kind: 'ready', ...gateway.addresses() }),
  })
  process.on('message', (command: Command) => {
    // It tells its own failures, and never rejects.
    if (command.kind === 'reload') return void gateway.reload()
    if (command.relieved) gateway.relieve()
    asked.resolve('the supervisor')
  })
  process.once('disconnect', () => {
    // Nobody replaces or reloads this process any more, and it holds the sockets that the next supervisor needs: it
    // gives them back at once, and ends with its last request.
    gateway.relieve(0)
    asked.resolve('the supervisor is gone')
  })
  // The hang-up of a terminal reaches every process; the supervisor says what it means.
  process.on('SIGHUP', () => {})
  setInterval(() => say({ kind: 'pulse', rssBytes: process.memoryUsage.rss() }), pulseMs).unref()
  await runUntilAsked(gateway.lifecycle, log, asked.promise)
}

/** A supervisor that is gone hears nothing: the channel's `disconnect` tells us. */
function say(word: Word): void {
  if (process.connected) process.send?.(word, undefined, undefined, () => undefined)
}
