import type { Socket } from 'node:net'
import type { Clock } from '#server-kit/clock.ts'
import type { Log } from '#server-kit/log.ts'
import { isAllowed } from './allowed.ts'
import { type Answer, type CommandResult, isWanted, notAllowed, resultOf } from './answer.ts'
import type { Command, GetCommand } from './command.ts'
import { KeyUse } from './key-use.ts'
import { bytesOf, Outbox } from './outbox.ts'
import { CommandParser } from './parser.ts'
import type { AskingCommand, PortCommands } from './port-commands.ts'
import type { Ending, PortCounters } from './port-counters.ts'
import type { PortSettings } from './port-settings.ts'
import { authenticate, type PortUser } from './port-user.ts'
import type { Room } from './room.ts'

export interface ConnectionOptions {
  readonly socket: Socket
  readonly commands: PortCommands
  readonly counters: PortCounters
  /** For what has begun to come, shared with the other connections. */
  readonly room: Room
  /** As they are now. */
  readonly settings: () => PortSettings
  /** Unread answers that this connection may have now, bytes. */
  readonly unreadLimitBytes: () => number
  readonly clock: Clock
  readonly log: Log
}

/** Answers that are owed, at most. */
const turnsLimit = 1_024
/** Keys that are asked for at once: each may bring a large value. */
const runningLimit = 128
/** Of values on their way to the zones. */
const writingLimitBytes = 16 * 1024 * 1024
/** Before a client has said who it is it has nothing to store. */
const credentialsLimitBytes = 1_024
const authenticationTries = 3

/** An answer that is owed, in the order of what was asked. */
interface Turn {
  answer: Answer | undefined
  next: Turn | undefined
}

/**
 * One client: its commands begin in order as they come, are answered in that order, and nothing that it does or leaves undone
 * holds more memory than stated. Stops reading whenever a limit is reached.
 */
export class Connection {
  readonly #options: ConnectionOptions
  readonly #socket: Socket
  readonly #parser: CommandParser
  readonly #keys = new KeyUse()
  readonly #outbox = new Outbox()
  #settings: PortSettings
  #user: PortUser | undefined
  #refusals = 0
  /** Begun in part, or waiting until it may begin. */
  #current: Command | undefined
  /** How many keys of it have begun. */
  #keysBegun = 0
  #first: Turn | undefined
  #last: Turn | undefined
  #turns = 0
  #running = 0
  #alone = false
  #writingBytes = 0
  /** Of answers that wait for earlier ones. */
  #waitingBytes = 0
  #paused = false
  #pumping = false
  /** The client has said all that it will. */
  #heardAll = false
  /** Nothing more is begun, and the connection ends behind the last answer. */
  #ending: Ending | undefined
  #livelyAt: number

  constructor(options: ConnectionOptions) {
    const { socket, settings, room, clock } = options
    this.#options = options
    this.#socket = socket
    this.#settings = settings()
    this.#user = this.#settings.anybody
    this.#parser = new CommandParser({
      valueLimitBytes: () => this.#valueLimitBytes(),
      // The room is for those who may use it: strangers with a megabyte each would leave none.
      takesLongLines: () => this.isKnown,
      room,
    })
    this.#livelyAt = clock.monotonic()
    socket.setNoDelay(true)
    socket.on('data', (chunk) => this.#hear(chunk))
    socket.on('end', () => {
      this.#heardAll = true
      this.#pump()
    })
    socket.on('drain', () => {
      // A stranger could make itself lively for ever by reading that it is one.
      if (this.isKnown) this.#livelyAt = clock.monotonic()
      this.#pump()
    })
    // A client that breaks its connection has done nothing wrong; the socket closes by itself.
    socket.on('error', () => this.#end('client'))
    socket.once('close', () => {
      this.#end('client')
      this.#parser.close()
    })
  }

  /** Since when nothing has come to an end here: no command, and no answer read. Undefined while one is under way. */
  get idleSinceMs(): number | undefined {
    return this.#running > 0 ? undefined : this.#livelyAt
  }

  get isKnown(): boolean {
    return this.#user !== undefined
  }

  get unreadBytes(): number {
    return this.#waitingBytes + this.#outbox.bytes + this.#socket.writableLength
  }

  /** Ends behind the answers that are under way; what was not begun is not. */
  close(because: Ending): void {
    this.#end(because)
    this.#pump()
  }

  destroy(because: Ending): void {
    this.#end(because)
    this.#socket.destroy()
  }

  /** Why it ended; undefined: it has not. */
  get ending(): Ending | undefined {
    return this.#ending
  }

  #end(because: Ending): void {
    this.#ending ??= because
  }

  #hear(chunk: Buffer): void {
    this.#options.counters.bytesIn += chunk.length
    if (this.#ending !== undefined) return
    this.#parser.push(chunk)
    this.#pump()
  }

  /** Begins what may begin, and sends what is ready. */
  #pump(): void {
    this.#pumping = false
    this.#follow()
    while (this.#ending === undefined) {
      const command = this.#current ?? this.#parser.next()
      if (command === undefined) {
        if (this.#heardAll) this.#end('client')
        break
      }
      this.#current = command
      if (!this.#begin(command)) break
      this.#current = undefined
      this.#keysBegun = 0
    }
    this.#options.counters.bytesOut += this.#outbox.flush(this.#socket)
    if (this.#ending !== undefined && this.#first === undefined) this.#leave()
    else this.#hold(this.#current !== undefined)
  }

  /** Once for all that ends in one turn of the event loop. */
  #pumpSoon(): void {
    if (this.#pumping) return
    this.#pumping = true
    process.nextTick(() => this.#pump())
  }

  /** Another configuration may know the user no more, or otherwise. */
  #follow(): void {
    const settings = this.#options.settings()
    if (settings === this.#settings) return
    const { name } = this.#user ?? { name: '' }
    const before = this.#settings.users.find((user) => user.name === name)
    const now = settings.users.find((user) => user.name === name)
    this.#settings = settings
    if (settings.anybody !== undefined) this.#user = settings.anybody
    else if (now === undefined || now.sha256 !== before?.sha256) this.#user = undefined
    else if (this.#user !== undefined) this.#user = now
  }

  /** False: it cannot begin now, or not all of it. */
  #begin(command: Command): boolean {
    if (this.#alone || this.#isFull()) return false
    if (command.kind === 'last') {
      this.#say(command, command.answer)
      this.#end(command.answer === '' ? 'command' : 'protocol')
      return true
    }
    const user = this.#user
    if (user === undefined) {
      this.#introduce(command)
      return true
    }
    if (command.kind === 'said') {
      this.#say(command, command.answer)
      return true
    }
    if (!isAllowed(command, user)) {
      this.#say(command, notAllowed)
      return true
    }
    return command.kind === 'get' ? this.#beginGet(user, command) : this.#beginOne(user, command)
  }

  /** Enough is owed to the client for now. */
  #isFull(): boolean {
    return this.#turns >= turnsLimit || this.unreadBytes >= this.#options.unreadLimitBytes()
  }

  #beginGet(user: PortUser, command: GetCommand): boolean {
    const { keys, seconds } = command
    if (keys.length === 0) this.#say(command, 'END')
    for (; this.#keysBegun < keys.length; this.#keysBegun++) {
      const key = keys[this.#keysBegun] as string
      const isFree = seconds === undefined ? this.#keys.mayRead(key) : this.#keys.mayWrite(key)
      if (!isFree || this.#running >= runningLimit || this.#isFull()) return false
      if (seconds === undefined) this.#keys.read(key)
      else this.#keys.write(key)
      const isLast = this.#keysBegun === keys.length - 1
      void this.#ask(command, this.#options.commands.get(user, command, key), key, isLast ? 'END\r\n' : '')
    }
    return true
  }

  #beginOne(user: PortUser, command: AskingCommand): boolean {
    if (this.#running >= runningLimit) return false
    const key = 'key' in command ? command.key : undefined
    if (key === undefined) {
      // It is about all keys: what came before ends first, and what comes next waits.
      if (this.#running > 0) return false
      this.#alone = command.kind === 'flush'
    } else {
      const reads = command.kind === 'me' || (command.kind === 'mg' && !changes(command.flags))
      if (!(reads ? this.#keys.mayRead(key) : this.#keys.mayWrite(key))) return false
      const bytes = 'value' in command ? command.value.length : 0
      if (bytes > 0 && this.#running > 0 && this.#writingBytes + bytes > writingLimitBytes) return false
      if (reads) this.#keys.read(key)
      else this.#keys.write(key)
    }
    const answer = this.#options.commands.run(user, this.#settings, command)
    if (typeof answer === 'string') this.#tell(command, answer, this.#turn(), '')
    else void this.#ask(command, answer as Promise<Answer>, key, '')
    return true
  }

  async #ask(command: Command, asked: Promise<Answer>, key: string | undefined, tail: string): Promise<void> {
    const turn = this.#turn()
    const bytes = 'value' in command ? command.value.length : 0
    this.#running++
    this.#writingBytes += bytes
    try {
      this.#tell(command, await asked, turn, tail)
    } catch (err) {
      // No store throws. Were one to, whoever waits for the answer must not wait for ever.
      this.#options.log.error({ err, command: command.name }, 'a command of the Memcached port failed')
      this.destroy('failed')
    }
    this.#running--
    this.#writingBytes -= bytes
    this.#alone = false
    if (key !== undefined) this.#keys.end(key)
    this.#livelyAt = this.#options.clock.monotonic()
    this.#pumpSoon()
  }

  #turn(): Turn {
    const turn: Turn = { answer: undefined, next: undefined }
    if (this.#last === undefined) this.#first = turn
    else this.#last.next = turn
    this.#last = turn
    this.#turns++
    return turn
  }

  /** An answer that needs nobody to be asked. */
  #say(command: Command, answer: string | Buffer): void {
    const { counters, clock } = this.#options
    this.#livelyAt = clock.monotonic()
    const isText = typeof answer === 'string'
    const line = isText && answer !== '' && !answer.endsWith('\n') ? `${answer}\r\n` : answer
    counters.count(command.name, typeof line === 'string' && line !== '' ? resultOf(line) : silentResult(command))
    this.#fill(this.#turn(), typeof line === 'string' ? line : [line])
  }

  #tell(command: Command, answer: Answer, turn: Turn, tail: string): void {
    this.#options.counters.count(command.name, command.kind === 'too-large' ? 'refused' : resultOf(answer))
    const wanted = isWanted(command, answer) ? answer : ''
    this.#fill(turn, tail === '' ? wanted : typeof wanted === 'string' ? wanted + tail : [...wanted, tail])
  }

  /** Sends all answers that are next. */
  #fill(turn: Turn, answer: Answer): void {
    turn.answer = answer
    this.#waitingBytes += bytesOf(answer)
    for (let next = this.#first; next?.answer !== undefined; next = this.#first) {
      this.#waitingBytes -= bytesOf(next.answer)
      this.#outbox.add(next.answer)
      this.#turns--
      this.#first = next.next
      if (this.#first === undefined) this.#last = undefined
    }
  }

  /** Rule P6: the first command says who it is. */
  #introduce(command: Command): void {
    const { counters } = this.#options
    if (command.kind !== 'store' || command.name !== 'set') {
      counters.count('auth', 'refused')
      this.#fill(this.#turn(), 'CLIENT_ERROR unauthenticated\r\n')
      return
    }
    this.#livelyAt = this.#options.clock.monotonic()
    this.#user = authenticate(command.value.toString(), this.#settings.users)
    counters.count('auth', this.#user === undefined ? 'refused' : 'done')
    this.#fill(this.#turn(), this.#user === undefined ? 'CLIENT_ERROR authentication failure\r\n' : 'STORED\r\n')
    if (this.#user === undefined && ++this.#refusals === authenticationTries) this.#end('unauthenticated')
  }

  #valueLimitBytes(): number {
    return this.#user === undefined ? credentialsLimitBytes : this.#settings.valueLimitBytes
  }

  #hold(full: boolean): void {
    if (full === this.#paused) return
    this.#paused = full
    if (full) this.#socket.pause()
    else this.#socket.resume()
  }

  /** Every answer is out. What the client still sends is not read. */
  #leave(): void {
    if (this.#socket.writableEnded || this.#socket.destroyed) return
    this.#socket.end()
  }
}

/** Of what is not answered by a text: an end that was asked for, or a fault that the client did not want to hear of. */
const silentResult = (command: Command): CommandResult => (command.name === 'quit' ? 'done' : 'refused')

const changes = ({ ttl, vivify, recache }: { ttl?: unknown; vivify?: unknown; recache?: unknown }): boolean =>
  ttl !== undefined || vivify !== undefined || recache !== undefined
