import { describe, expect, it } from 'vitest'
import type { ExplainBody } from '../../../control-plane/api-client/schema.ts'
import { explain, headersOf } from '../../../control-plane/cli/commands/explain.ts'

describe('a request to explain', () => {
  it.each([undefined, 'cloud'])('is asked with the country that it came from; at the site %s', async (site) => {
    const bodies: ExplainBody[] = []
    const client = {
      explain: async (body: ExplainBody) => void bodies.push(body),
      askGateway: async (_: string, __: string, body: ExplainBody) => void bodies.push(body),
    }
    const session = { client, format: 'json', out: () => undefined } as never
    const at = site === undefined ? {} : { site }

    await explain(session, ['get', 'http://api.example.com/v1/x'], { country: 'de', ...at })
    await explain(session, ['get', 'http://api.example.com/v1/x'], at)

    const request = { method: 'GET', url: 'http://api.example.com/v1/x', headers: {} }
    expect(bodies).toEqual([{ ...request, country: 'DE' }, request])
  })

  it('has its headers as they would come, a repeated one joined, whatever they are called', () => {
    expect(Object.entries(headersOf(['X-A: 1', 'x-a:2', 'constructor: x', '__proto__: y', 'empty:']))).toEqual([
      ['x-a', '1, 2'],
      ['constructor', 'x'],
      ['__proto__', 'y'],
      ['empty', ''],
    ])
  })
})
