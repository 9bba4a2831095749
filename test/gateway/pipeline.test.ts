import { describe, expect, it } from 'vitest'
import { silentLog } from '#server-kit/log.ts'
import type { Answer } from '../../gateway/answer.ts'
import { problems } from '../../gateway/errors.ts'
import type { Onward, Phase } from '../../gateway/phase.ts'
import { Pipeline } from '../../gateway/pipeline.ts'
import { exchangeOf } from './exchange.ts'

const answer: Answer = { status: 200, reason: '', headers: [], body: undefined }

function traced(name: string, seen: string[], before?: Phase['before']): Phase {
  return {
    name,
    before: (x) => {
      seen.push(`${name} in`)
      return before?.(x)
    },
    after: (_, given) => {
      seen.push(`${name} out`)
      return given
    },
  }
}

describe('the phases', () => {
  it('are passed in order until one answers, and left in reverse', async () => {
    const seen: string[] = []
    const phases = [traced('a', seen), traced('b', seen, async () => answer), traced('c', seen)]

    expect(await new Pipeline(phases, silentLog).answer(exchangeOf())).toBe(answer)

    expect(seen).toEqual(['a in', 'b in', 'b out', 'a out'])
  })

  it('turn a problem into an answer that says its code and no more', async () => {
    const refuse = () => {
      throw problems['scope-missing']({ scope: 'secret-scope', challenge: 'Bearer' })
    }
    const { status, headers, body } = await new Pipeline([traced('a', [], refuse)], silentLog).answer(exchangeOf())

    expect(status).toBe(403)
    expect(headers).toContain('www-authenticate')
    expect(JSON.parse(String(body))).toEqual({
      type: 'urn:tidegate:problem:scope-missing',
      title: 'Scope missing',
      status: 403,
      code: 'scope-missing',
      requestId: 'r0',
    })
  })

  it('survive what nobody foresaw, and tell the client nothing of it', async () => {
    const fail = async () => {
      throw new Error('10.0.0.7 exploded')
    }
    const { status, body } = await new Pipeline([traced('a', [], fail)], silentLog).answer(exchangeOf())

    expect(status).toBe(500)
    expect(String(body)).not.toContain('10.0.0.7')
  })

  it('are all told of the end, though one fails at it', () => {
    const told: string[] = []
    const failing: Phase = {
      name: 'failing',
      closed: () => {
        throw new Error('broken')
      },
    }
    const phases = [failing, { name: 'places', closed: (_: unknown, __: unknown, ending: string) => told.push(ending) }]

    new Pipeline(phases as Phase[], silentLog).closed(exchangeOf(), answer, 'done')

    expect(told).toEqual(['done'])
  })

  it('give an answer though one fails on the way out, and let go of the one that it fails on', async () => {
    let cancelled = 0
    const body: Answer['body'] = { flow: () => undefined, resume: () => undefined, cancel: () => void cancelled++ }
    const seen: string[] = []
    const failing: Phase = {
      name: 'failing',
      after: () => {
        throw new Error('10.0.0.7 exploded')
      },
    }
    const phases = [traced('a', seen), failing, traced('b', [], () => ({ ...answer, body }))]

    const given = await new Pipeline(phases, silentLog).answer(exchangeOf())

    expect(given.status).toBe(500)
    expect(seen).toEqual(['a in', 'a out'])
    expect(cancelled).toBe(1)
  })

  describe('behind one that asks by itself', () => {
    function asking(seen: string[]): { readonly phase: Phase; readonly onward: () => Onward } {
      let onward: Onward | undefined
      const phase: Phase = {
        ...traced('asking', seen, (x) => onward?.run(x)),
        precede: (rest) => {
          onward = rest
        },
      }
      return { phase, onward: () => onward as Onward }
    }

    it('are passed and left as ever, and those before it once', async () => {
      const seen: string[] = []
      const phases = [traced('a', seen), asking(seen).phase, traced('b', seen), traced('c', seen, async () => answer)]

      expect(await new Pipeline(phases, silentLog).answer(exchangeOf())).toBe(answer)

      expect(seen).toEqual(['a in', 'asking in', 'b in', 'c in', 'c out', 'b out', 'asking out', 'a out'])
    })

    it('give a problem as an answer, left by those that were reached', async () => {
      const seen: string[] = []
      const refuse = () => {
        throw problems['breaker-open']({ service: 's', retryAfterS: 1 })
      }
      const { phase, onward } = asking(seen)
      new Pipeline([phase, traced('b', seen, refuse), traced('c', seen)], silentLog)

      const { problem } = await onward().run(exchangeOf())

      expect(problem?.code).toBe('breaker-open')
      expect(seen).toEqual(['b in', 'b out'])
    })

    it('alone are told of the end of a fetch', () => {
      const told: string[] = []
      const telling = (name: string): Phase => ({ name, closed: () => void told.push(name) })
      const { phase, onward } = asking([])
      new Pipeline([telling('a'), phase, telling('b'), telling('c')], silentLog)

      onward().closed(exchangeOf(), answer, 'done')

      expect(told).toEqual(['b', 'c'])
    })
  })
})
