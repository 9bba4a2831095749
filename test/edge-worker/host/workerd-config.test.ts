import { describe, expect, it } from 'vitest'
import { type WorkerdSettings, workerdConfig } from '../../../edge-worker/host/workerd-config.ts'

const settings: WorkerdSettings = {
  name: 'edge-1',
  version: '0.1.0',
  codeFile: 'worker-1.js',
  tableFile: 'table.json',
  sites: { onprem: { url: 'http://10.0.0.1:17101' }, cloud: { url: 'https://gateway.example.com' } },
  trustedClientIpHeader: undefined,
  trustedCountryHeader: undefined,
  tablesAddress: '127.0.0.1:4000',
}

describe('the configuration of a workerd process', () => {
  it('has one connection a site, https with the name checked', () => {
    const text = workerdConfig(settings)

    expect(text).toContain('(name = "SITE_0", external = (address = "10.0.0.1:17101", http = ())),')
    expect(text).toContain(
      '(name = "SITE_1", external = (address = "gateway.example.com:443", https = (options = (), tlsOptions = (trustBrowserCas = true), certificateHost = "gateway.example.com"))),',
    )
    expect(text).toContain(String.raw`text = "{\"onprem\":\"binding:SITE_0\",\"cloud\":\"binding:SITE_1\"}"`)
  })

  it('reaches nothing but sites and tables, and takes secrets from the environment', () => {
    const text = workerdConfig(settings)

    expect(text).toContain('globalOutbound = "nowhere"')
    expect(text).toContain('(name = "nowhere", network = (allow = []))')
    expect(text.match(/fromEnvironment/g)).toHaveLength(4)
  })

  it('lets no value end its own text', () => {
    expect(workerdConfig({ ...settings, name: 'a", evil = "b\\' })).toContain(String.raw`text = "a\", evil = \"b\\"`)
  })
})
