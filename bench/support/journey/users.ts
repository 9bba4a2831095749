/** The clients of the journey: each has a device, a token and a cart, and tokens live in the Redis of one site only. */
import { createHash } from 'node:crypto'
import { Redis } from 'ioredis'
import type { Random } from '../../../test/properties/generators/random.ts'

export interface User {
  readonly name: string
  /** The sticky key of `orders` in the journey's catalog. */
  readonly device: string
  readonly token: string
  /** The sticky key of `carts`. */
  readonly cart: string
}

const letters = 'abcdefghijklmnopqrstuvwxyz0123456789'

/** The same seed gives the same users, so the same ones move first. */
export function makeUsers(count: number, random: Random, prefix = 'user'): User[] {
  return Array.from({ length: count }, (_, at) => ({
    name: `${prefix}-${at}`,
    device: random.word(letters, 16, 16),
    token: `journey_${random.word(letters, 32, 32)}`,
    cart: random.word(letters, 12, 12),
  }))
}

/** Issues and revokes tokens as the identity service of a site does: in its Redis, nowhere else. */
export class TokenDesk implements AsyncDisposable {
  readonly #redis: Redis
  readonly #scopes: readonly string[]

  private constructor(redis: Redis, scopes: readonly string[]) {
    this.#redis = redis
    this.#scopes = scopes
  }

  static async open(url: string, scopes: readonly string[]): Promise<TokenDesk> {
    const redis = new Redis(url, { lazyConnect: true, commandTimeout: 2_000, maxRetriesPerRequest: 1 })
    await redis.connect()
    return new TokenDesk(redis, scopes)
  }

  async issue(...users: readonly User[]): Promise<void> {
    const pairs = users.flatMap(({ name, token }) => [
      keyOf(token),
      JSON.stringify({ consumer: name, scopes: this.#scopes }),
    ])
    await this.#redis.mset(...pairs)
  }

  async revoke({ token }: User): Promise<void> {
    await this.#redis.del(keyOf(token))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#redis.disconnect()
  }
}

function keyOf(token: string): string {
  return `token:${createHash('sha256').update(token).digest('hex')}`
}
