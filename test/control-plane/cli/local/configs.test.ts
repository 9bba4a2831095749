import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { inContainers, onLoopback } from '../../../../control-plane/cli/local/addresses.ts'
import { configsOf, keysOf, type ProgramName, writeConfig } from '../../../../control-plane/cli/local/configs.ts'
import { keptTokens } from '../../../../control-plane/cli/local/demo-file.ts'
import { writeKeys } from '../../../../control-plane/cli/local/keys.ts'
import { portsAt } from '../../../../control-plane/cli/local/ports.ts'
import { readControlPlaneConfig } from '../../../../control-plane/config.ts'
import { readEdgeConfig } from '../../../../edge-worker/host/config.ts'
import { readGatewayConfig } from '../../../../gateway/config.ts'
import { temporaryFolder } from '../../../support/temporary-folder.ts'

const ways = [
  ['on one machine with real stores', onLoopback(portsAt(17_000)), true],
  ['on one machine without them', onLoopback(portsAt(17_000)), false],
  ['in containers', inContainers(portsAt(17_000, 2)), true],
] as const

describe.each(ways)('the configurations %s', (_, at, real) => {
  const facts = {
    at,
    tokens: keptTokens(undefined),
    stores: { redis: real, memcached: real },
    workers: 2,
    console: undefined,
    folders: { keys: 'keys', home: () => 'home' },
  }
  const configs = configsOf(facts)

  it('are what the programs take', async () => {
    await using folder = await temporaryFolder()
    await writeKeys(folder.file('keys'))
    const file = (name: ProgramName) => writeConfig(folder.file(`${name}.yaml`), configs[name])

    expect(readEdgeConfig(await file('edge'), {})).toMatchObject({ name: 'edge-1', workers: 2 })
    for (const site of ['onprem', 'cloud'] as const) {
      expect(readGatewayConfig(await file(site), {}).yaml).toMatchObject({ site, internalUrl: at.sites[site].internal })
    }
    expect(readControlPlaneConfig(await file('control-plane'), {})).toBeDefined()
  })

  it('hold no token, only digests', () => {
    const text = JSON.stringify(configs)

    for (const token of Object.values(facts.tokens)) expect(text).not.toContain(token)
  })

  it('name no key file but those that the program is given', () => {
    for (const [name, config] of Object.entries(configs)) {
      const { keys } = config as { keys: Record<string, string> }
      expect(Object.values(keys).sort()).toEqual(keysOf[name as ProgramName].map((key) => join('keys', key)).sort())
    }
  })
})
