import { describe, expect, it } from 'vitest'
import { byResolveOverride } from '../../edge-worker/origin-resolve.ts'

describe('a site behind another name of the zone', () => {
  it('Edge D14: gets the request with its own host, body and signal, and only the address of the other name', async () => {
    const sent: { readonly url: string; readonly method: string; readonly body: string; readonly cf: unknown }[] = []
    const given: RequestInit[] = []
    // Node knows no `cf`: what is handed to the platform's Request is looked at.
    const Platform = globalThis.Request
    class Recording extends Platform {
      constructor(input: Request | string, init?: RequestInit) {
        super(input, init)
        if (init !== undefined) given.push(init)
      }
    }
    globalThis.Request = Recording as typeof Request
    try {
      const send = byResolveOverride('onprem-origin.example.com', {
        fetch: async (request) => {
          const [cf] = given.map((init) => Reflect.get(init, 'cf'))
          sent.push({ url: request.url, method: request.method, body: await request.text(), cf })
          return new Response('ok')
        },
      })
      const request = new Platform('https://api.example.com/v1/orders?a=1', { method: 'POST', body: 'x' })
      expect(await (await send(request as never)).text()).toBe('ok')
    } finally {
      globalThis.Request = Platform
    }

    expect(sent).toEqual([
      {
        url: 'https://api.example.com/v1/orders?a=1',
        method: 'POST',
        body: 'x',
        cf: { resolveOverride: 'onprem-origin.example.com' },
      },
    ])
  })
})
