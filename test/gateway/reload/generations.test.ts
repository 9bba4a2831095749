import { describe, expect, it } from 'vitest'
import { Background } from '#server-kit/background.ts'
import { silentLog } from '#server-kit/log.ts'
import type { Answer } from '../../../gateway/answer.ts'
import type { Exchange } from '../../../gateway/exchange.ts'
import { type Generation, Generations } from '../../../gateway/reload/generations.ts'
import { exchangeOf } from '../exchange.ts'

const answer: Answer = { status: 200, reason: '', headers: [], body: undefined }

function open() {
  const background = new Background(silentLog)
  const generations = new Generations(background)
  const told: string[] = []
  const generation = (name: string): Generation => ({
    pipeline: {
      answer: async () => {
        told.push(`${name} answers`)
        return answer
      },
      closed: () => void told.push(`${name} logs`),
    },
    close: async () => void told.push(`${name} closes`),
  })
  const end = async (x: Exchange) => {
    generations.closed(x, answer, 'done')
    await background.settle(1_000)
  }
  return { generations, told, generation, end }
}

describe('a configuration that changes under requests', () => {
  it('leaves each request the one that it began with, and ends that one with its last request', async () => {
    const { generations, told, generation, end } = open()
    const [x, y] = [exchangeOf(), exchangeOf()]
    generations.swap(generation('old'))
    await generations.answer(x)
    generations.swap(generation('new'))
    await generations.answer(y)

    await end(y)
    expect(told).toEqual(['old answers', 'new answers', 'new logs'])
    expect(generations.size).toBe(2)
    await end(x)
    expect(told.slice(3)).toEqual(['old logs', 'old closes'])
    expect(generations.size).toBe(1)
  })

  it('closes the old one at once when nobody is under way in it', async () => {
    const { generations, told, generation, end } = open()
    const x = exchangeOf()
    generations.swap(generation('old'))
    await generations.answer(x)
    await end(x)

    generations.swap(generation('new'))

    expect(told.at(-1)).toBe('old closes')
  })

  it('logs what never entered one by the newest, and counts it for none', async () => {
    const { generations, told, generation, end } = open()
    generations.swap(generation('only'))

    await end(exchangeOf())

    expect(told).toEqual(['only logs'])
    await generations.close()
    expect(told.at(-1)).toBe('only closes')
  })
})
