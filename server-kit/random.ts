/** Randomness as an argument: the system's for production, a seeded one so that a failure can be seen again. */
import { randomFillSync } from 'node:crypto'
import { type Clock, HeldClock, systemClock } from './clock.ts'

export interface Random {
  /** 0 <= x < 1, for spreading and sampling; never for secrets. */
  next(): number
  /** `n` bytes; from `systemRandom` they are fit for keys and tokens. */
  bytes(n: number): Uint8Array
  /** A ULID: 26 characters of Crockford's base 32 that sort by time; later ones of one source sort later. */
  id(): string
}

const systemBytes = (n: number): Uint8Array => randomFillSync(new Uint8Array(n))

export const systemRandom: Random = {
  next: () => Math.random(),
  bytes: systemBytes,
  id: ulids(systemClock, systemBytes),
}

/** The same seed gives the same numbers, bytes and ids; `clock` is the time inside the ids. */
export function seededRandom(seed: number, clock: Clock = new HeldClock()): Random {
  const word = splitmix32(seed)
  const bytes = (n: number): Uint8Array => Uint8Array.from({ length: n }, () => word() >>> 24)
  return { next: () => word() / 2 ** 32, bytes, id: ulids(clock, bytes) }
}

const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/**
 * Ids made within one millisecond count up from the first one, and a clock that goes back is not followed:
 * else two entries of one millisecond would sort against their order.
 */
function ulids(clock: Clock, bytes: (n: number) => Uint8Array): () => string {
  let lastMs = -1
  let tail = 0n
  return () => {
    const ms = Math.floor(clock.now())
    if (ms > lastMs) {
      lastMs = ms
      // 79 random bits of the 80: the top one is left free, so that counting up never overflows.
      tail = bytes(10).reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n) >> 1n
    } else {
      tail += 1n
    }
    return crockford(BigInt(lastMs), 10) + crockford(tail, 16)
  }
}

function crockford(value: bigint, digits: number): string {
  let text = ''
  for (let rest = value; text.length < digits; rest >>= 5n) text = alphabet.charAt(Number(rest & 31n)) + text
  return text
}

/** Steele, Lea, Flood: Fast splittable pseudorandom number generators (2014), the 32-bit form. */
function splitmix32(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x9e3779b9) | 0
    let z = state
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b)
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35)
    return (z ^ (z >>> 16)) >>> 0
  }
}
