import { writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { readGatewayConfig } from '../../gateway/config.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const least = `
site: onprem
home: home
listen: { public: "127.0.0.1:0", internal: "127.0.0.1:0" }
controlPlane: { url: "http://127.0.0.1:17000" }
keys: { tables: keys/t.json, control: keys/c.json }
`

async function read(text: string) {
  await using folder = await temporaryFolder()
  const file = folder.file('gateway.yaml')
  await writeFile(file, text)
  return { ...readGatewayConfig(file, {}), folder: folder.path }
}

async function faultsOf(text: string): Promise<string> {
  return read(text).then(
    () => '',
    (problem: Error) => problem.message,
  )
}

describe('gateway.yaml', () => {
  it('needs little: all else has a default', async () => {
    const { yaml, path, folder } = await read(least)

    expect(yaml).toMatchObject({
      edgeRequired: false,
      via: 'tidegate',
      limits: { idleTimeout: '910s', hold: '2s' },
      tokens: { driver: 'none' },
      drain: { notice: '10s' },
    })
    expect(path('keys/t.json')).toBe(`${folder}/keys/t.json`)
  })

  it('is refused whole, with every fault, its place and what was meant', async () => {
    const faults = await faultsOf(`${least}limits: { hold: 2, maxInFlght: 5 }\npeers: { cloud: { public: nowhere } }\n`)

    expect(faults).toMatch(/gateway\.yaml:7:\d+.*expected a duration/)
    expect(faults).toMatch(/gateway\.yaml:7:\d+.*did you mean "maxInFlight"/)
    expect(faults).toMatch(/gateway\.yaml:8:\d+.*expected an http or https URL/)
    expect(faults).toMatch(/"internal": missing/)
  })

  it.each([
    [
      'site: onprem\nhome: h\nlisten: { public: "a:1", internal: "a:2" }\nkeys: { tables: t }',
      'one of controlPlane and table',
    ],
    [least.replace(', control: keys/c.json', ''), 'keys.control is missing'],
    [`${least}tokens: { driver: redis }`, 'tokens.url is missing'],
    [`${least}tokens: { driver: memory, file: f, alsoAsk: [cloud] }`, 'peers.cloud is missing'],
    [`${least}cache: { zones: [{ name: a, driver: memcached }] }`, 'names no nodes'],
  ])('is refused when it contradicts itself', async (text, fault) => {
    expect(await faultsOf(text)).toContain(fault)
  })
})
