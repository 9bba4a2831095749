import { describe, expect, it } from 'vitest'
import { doctorHops } from '../../../../control-plane/cli/commands/doctor.ts'
import { lintPaths } from '../../../../control-plane/cli/commands/lint.ts'
import type { Session } from '../../../../control-plane/cli/session.ts'

const record = (requests: number) => ({
  route: 'api.example.com /v1/**',
  host: 'api.example.com',
  requests,
  features: [{ feature: 'double-slash', count: 1, examples: ['/v1//x'] }],
})

/** Two sites; of the first two processes are live, of the other none. */
function session(answers: Readonly<Record<string, unknown>>) {
  const asked: string[] = []
  const out: string[] = []
  const client = {
    sites: async () => [{ name: 'onprem' }, { name: 'cloud' }],
    gateways: async () => [
      { site: 'onprem', instance: 'a', state: 'live' },
      { site: 'onprem', instance: 'b#2', state: 'live' },
      { site: 'onprem', instance: 'c', state: 'gone' },
      { site: 'cloud', instance: 'd', state: 'joining' },
    ],
    gateway: async (site: string, path: string) => {
      asked.push(`${site} ${path}`)
      return answers[`${site} ${path}`]
    },
  }
  const told = { client, format: 'json', out: (text: string) => out.push(text), tell: () => {} }
  return { asked, out, session: told as unknown as Session }
}

describe('tidegate lint paths', () => {
  it('adds up what every live process of each site recorded, and asks any one where none is live', async () => {
    const { session: by, out } = session({
      'onprem recorder?instance=a': { routes: [record(10)] },
      'onprem recorder?instance=b%232': { routes: [record(20)] },
      'cloud recorder': { routes: [record(5)] },
    })

    await lintPaths(by, [], {})

    expect(JSON.parse(out[0] ?? '')).toMatchObject({ requests: 35, routes: [{ unsafe: 'double-slash', count: 3 }] })
  })
})

describe('tidegate doctor hops', () => {
  it('asks with the time as it was typed, and nothing else', async () => {
    const { session: by, asked } = session({ 'onprem hops?watch=5s%26instance%3Da': { instances: [] } })

    await doctorHops(by, [], { site: 'onprem', watch: '5s&instance=a' })

    expect(asked).toEqual(['onprem hops?watch=5s%26instance%3Da'])
  })
})
