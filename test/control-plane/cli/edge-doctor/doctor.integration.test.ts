import { writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { EchoAnswer } from '#routes/echo.ts'
import type { ForceAnswer } from '../../../../control-plane/api-client/edge-schema.ts'
import type { Finding } from '../../../../control-plane/cli/edge-doctor/finding.ts'
import { selfSigned } from '../../../support/certificates.ts'
import { frontNames, startFront } from '../../../wire/fronts.ts'
import { tidegateOf } from '../../support/cli.ts'
import { type EdgeSystem, startEdgeSystem } from '../../support/edge-system.ts'
import { type NginxFronts, nginxFronts, rawFront } from './fronts.ts'

const host = 'api.example.com'
/** As a front should: what the client sent, byte for byte, and its own word on who came. */
const asItCame =
  'proxy_http_version 1.1; proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $remote_addr;'

let system: EdgeSystem
let fronts: NginxFronts
let loose: EdgeSystem

beforeAll(async () => {
  const more = { trustedClientIpHeader: 'X-Forwarded-For' }
  system = await startEdgeSystem({ edge: more })
  loose = await startEdgeSystem({ edge: more, gateway: { edgeRequired: false, limits: { idleTimeout: '5s' } } })
  const { cert, key } = await selfSigned(host)
  const { file } = system.plane.folder
  await writeFile(file('cert.pem'), cert)
  await writeFile(file('key.pem'), key)
  const edge = `http://127.0.0.1:${system.edgePort}`
  const { onprem, cloud } = system.gatewayPorts
  const tls = `ssl_certificate ${file('cert.pem')}; ssl_certificate_key ${file('key.pem')};`
  fronts = await nginxFronts({
    plain: { listen: 'ssl', around: tls, location: `proxy_pass ${edge}; ${asItCame}` },
    careless: { location: `proxy_pass ${edge}/;` },
    caching: { location: `proxy_pass ${edge}; ${asItCame} proxy_cache answers;` },
    squeezing: {
      around: 'gzip on; gzip_min_length 1; gzip_types application/json; gzip_proxied any; gunzip on;',
      location: `proxy_pass ${edge}; ${asItCame} proxy_set_header Accept-Encoding $http_accept_encoding;`,
    },
    origin: {
      listen: 'ssl',
      around: `${tls} ssl_client_certificate ${file('cert.pem')}; ssl_verify_client on;`,
      location: `proxy_pass http://127.0.0.1:${onprem}; ${asItCame}`,
    },
    astray: { location: `proxy_pass http://127.0.0.1:${cloud}; ${asItCame}` },
  })
})

afterAll(async () => {
  await fronts?.[Symbol.asyncDispose]()
  await Promise.all([system?.[Symbol.asyncDispose](), loose?.[Symbol.asyncDispose]()])
})

interface Report {
  readonly code: number
  /** By probe, and site where there are several. */
  readonly findings: ReadonlyMap<string, Finding>
}

async function examine(at: EdgeSystem, url: string, ...more: readonly string[]): Promise<Report> {
  const argv = ['edge', 'doctor', '--host', host, '--url', url, ...more, '-o', 'json']
  const { code, out, told } = await tidegateOf(at.plane, argv)
  if (out === '') throw new Error(told)
  const findings = JSON.parse(out) as readonly Finding[]
  return { code, findings: new Map(findings.map((each) => [[each.probe, each.subject].join(' ').trim(), each])) }
}

/** What alone is looked at, so that a test is short. */
const only = (...probes: readonly string[]): string[] => probes.flatMap((probe) => ['--only', probe])

const verdicts = ({ findings }: Report, verdict: Finding['verdict']): string[] =>
  [...findings].filter(([, finding]) => finding.verdict === verdict).map(([name]) => name)

describe('tidegate edge doctor', () => {
  it.each(frontNames)('finds nothing wrong behind %s as docs/operate/fronts has it, and ends with 0', async (name) => {
    await using front = await startFront(name, system.edgePort)
    await writeFile(system.plane.folder.file(`${name}.pem`), front.ca)
    const report = await examine(
      system,
      `https://127.0.0.1:${front.port}`,
      ...['--ca', system.plane.folder.file(`${name}.pem`)],
      ...['--origin', `onprem=https://127.0.0.1:${fronts.ports['origin']}`],
    )

    expect(verdicts(report, 'wrong')).toEqual([])
    // nginx takes a client that half-closes for one that left.
    expect(verdicts(report, 'unknown')).toEqual(name === 'nginx' ? ['half-close'] : [])
    expect(report.code).toBe(0)
    expect(report.findings.size).toBeGreaterThanOrEqual(31)
    for (const site of ['onprem', 'cloud']) {
      expect(report.findings.get(`site ${site}`)?.evidence).toMatch(`${site} answered`)
    }
    expect(report.findings.get('client-address')?.evidence).toMatch('127.0.0.1 arrives')
  })

  it('tells of a front that reads paths anew, changes the Host and refuses what it was not told to pass', async () => {
    const report = await examine(system, `http://127.0.0.1:${fronts.ports['careless']}`)

    expect(report.code).toBe(1)
    expect(verdicts(report, 'wrong')).toEqual(
      expect.arrayContaining(['host', 'path-slashes', 'path-dots', 'path-letter', 'body-limit', 'events', 'websocket']),
    )
    expect(report.findings.get('path-slashes')?.evidence).toMatch(/a\/\/b arrives as .*a\/b/)
    expect(report.findings.get('path-slashes')?.fix).toMatch('merge_slashes off')
    expect(report.findings.get('body-limit')?.fix).toMatch('client_max_body_size')
    expect(report.findings.get('events')?.fix).toMatch('proxy_buffering off')
    expect(report.findings.get('websocket')?.fix).toMatch('Upgrade')
    expect(report.findings.get('host')?.fix).toMatch('proxy_set_header Host')
  })

  it('tells of a cache before the edge, which would hide a flip', async () => {
    const report = await examine(system, `http://127.0.0.1:${fronts.ports['caching']}`, ...only('cache', 'echo'))

    expect(verdicts(report, 'wrong')).toEqual(['cache'])
    expect(report.findings.get('cache')?.fix).toMatch('proxy_cache off')
  })

  it('tells of a front that compresses and unpacks answers', async () => {
    const report = await examine(
      system,
      `http://127.0.0.1:${fronts.ports['squeezing']}`,
      ...only('recompression', 'gzip'),
    )

    expect(verdicts(report, 'wrong')).toContain('recompression')
    expect(report.findings.get('recompression')?.fix).toMatch('gzip off')
  })

  it('Edge D0: tells of a front that takes Expect away and answers nothing', async () => {
    await using front = await rawFront(system.edgePort, (head) => head.replace(/^expect:.*\r\n/im, ''))

    const report = await examine(system, `http://127.0.0.1:${front.port}`, ...only('expect', 'body-limit'))

    expect(verdicts(report, 'wrong')).toEqual(['expect'])
    expect(report.findings.get('expect')?.fix).toMatch('answers `100 Continue` by itself')
  })

  it("tells of a front that passes a client's own word on its address, where the edge believes that field", async () => {
    await using front = await rawFront(system.edgePort, (head) => head)

    const report = await examine(system, `http://127.0.0.1:${front.port}`, ...only('client-address'))

    expect(verdicts(report, 'wrong')).toEqual(['client-address'])
    expect(report.findings.get('client-address')).toMatchObject({
      evidence: expect.stringContaining('X-Forwarded-For of any client is believed'),
      fix: expect.stringContaining('proxy_set_header X-Forwarded-For $remote_addr'),
    })
  })

  it('Edge D9: tells of a front that joins Cookie fields by a comma', async () => {
    await using front = await rawFront(system.edgePort, (head) =>
      head.replace(/^Cookie: (.*)\r\nCookie: (.*)\r\n/im, 'Cookie: $1,$2\r\n'),
    )

    const report = await examine(system, `http://127.0.0.1:${front.port}`, ...only('cookies'))

    expect(verdicts(report, 'wrong')).toEqual(['cookies'])
  })

  it('Edge D2: tells of a gateway that ends idle connections before those who use them', async () => {
    const report = await examine(loose, `http://127.0.0.1:${loose.edgePort}`, ...only('idle'))

    expect(verdicts(report, 'wrong')).toEqual(['idle'])
    expect(report.findings.get('idle')?.evidence).toMatch('keeps idle connections 5 s')
    expect(report.findings.get('idle')?.fix).toMatch('limits.idleTimeout')
  })

  it('tells of an origin that takes what no edge signed, and that asks for no certificate', async () => {
    const origin = ['--origin', `cloud=http://127.0.0.1:${loose.gatewayPorts.cloud}`]

    const report = await examine(
      loose,
      `http://127.0.0.1:${loose.edgePort}`,
      ...origin,
      ...only('origin-unsigned', 'origin-mtls'),
    )

    expect(verdicts(report, 'wrong')).toEqual(['origin-unsigned cloud', 'origin-mtls cloud'])
    expect(report.findings.get('origin-unsigned cloud')?.fix).toMatch('edgeRequired: true')
  })

  it('Edge D14: tells of a name that leads past the edge, straight to a gateway', async () => {
    const strict = await examine(system, `http://127.0.0.1:${fronts.ports['astray']}`, ...only('echo', 'mark', 'site'))
    const lax = await examine(loose, `http://127.0.0.1:${loose.gatewayPorts.cloud}`, ...only('echo', 'mark', 'site'))

    expect(strict.findings.get('echo')).toMatchObject({
      verdict: 'wrong',
      fix: expect.stringContaining('lead to the edge'),
    })
    expect(verdicts(lax, 'wrong')).toEqual(['mark', 'site onprem'])
    expect(lax.findings.get('site onprem')?.fix).toMatch('resolveOverride')
  })

  it('tells of a certificate that clients refuse', async () => {
    const report = await examine(system, `https://127.0.0.1:${fronts.ports['plain']}`, ...only('certificate'))

    expect(report.findings.get('certificate')).toMatchObject({
      verdict: 'wrong',
      fix: expect.stringContaining('chain'),
    })
  })

  it('tells of an address at which nothing answers, and does not guess about the rest', async () => {
    const report = await examine(system, 'http://127.0.0.1:1', ...only('echo', 'host', 'expect', 'table', 'path-tab'))

    expect(report.code).toBe(1)
    expect(report.findings.get('echo')?.evidence).toMatch('ECONNREFUSED')
    expect(report.findings.get('host')?.verdict).toBe('unknown')
    for (const name of ['path-tab', 'table']) expect(report.findings.get(name)?.verdict).toBe('unknown')
  })

  it('shows a table with the fixes beside it, and refuses a probe that there is not', async () => {
    const argv = ['edge', 'doctor', '--host', host, '--url', `http://127.0.0.1:${loose.edgePort}`]

    const { out, told, code } = await tidegateOf(loose.plane, [...argv, ...only('echo', 'idle')])

    expect(code).toBe(1)
    expect(out).toMatch(/^VERDICT +PROBE +EVIDENCE\nOK +echo +the gateway .*\nwrong +idle +the gateway/)
    expect(told).toMatch(/idle: Keep idle connections longer than 60 s/)
    expect((await tidegateOf(loose.plane, [...argv, '--only', 'idel'])).told).toMatch(/no probe idel/)
  })

  it('has no words for whoever may only read', async () => {
    const reader = await system.plane.clientWith(['read'])

    await expect(reader.echoWords({ behaviours: ['plain'] })).rejects.toMatchObject({ status: 403 })
  })
})

describe('tidegate edge status', () => {
  it('shows what the edge behind an address holds and has done, by a signed call', async () => {
    const { code, out } = await tidegateOf(system.plane, [
      'edge',
      'status',
      '--url',
      `http://127.0.0.1:${system.edgePort}`,
    ])

    expect(code).toBe(0)
    expect(out).toMatch(/^EDGE +STRUCTURE +PLACEMENTS +SOURCE +COLO +HEARD +REQUESTS/)
    expect(out).toMatch(/\nedge-test +1 +2 +\S+ +- +\d+ms +\d+ .* none$/)
  })

  it('says so when nobody there is an edge', async () => {
    const argv = ['edge', 'status', '--url', `http://127.0.0.1:${loose.gatewayPorts.cloud}`]

    expect(await tidegateOf(loose.plane, argv)).toMatchObject({
      code: 1,
      told: expect.stringContaining('answered a signed call'),
    })
  })
})

describe('tidegate edge force', () => {
  it("has the edge send the reads of whoever shows its word to that site, and nobody else's", async () => {
    const argv = ['edge', 'force', '--site', 'cloud', '--for', '1h', '--reason', 'try the new checkout', '-o', 'json']
    const { header, cookie } = JSON.parse((await tidegateOf(system.plane, argv)).out) as ForceAnswer
    const { header: echo, words } = await system.plane.client.echoWords({ behaviours: ['plain'] })
    const ask = async (shown: Record<string, string>, method = 'GET') => {
      const headers = { host, [echo]: words['plain'] ?? '', ...shown }
      const answer = await fetch(`http://127.0.0.1:${system.edgePort}/v1/orders/7`, { method, headers })
      const { site, edge, headers: arrived } = (await answer.json()) as EchoAnswer
      return { site, flags: edge?.flags, shown: JSON.stringify(arrived).includes(header.value) }
    }

    expect(await ask({})).toEqual({ site: 'onprem', flags: [], shown: false })
    const forced = { site: 'cloud', flags: ['force'], shown: false }
    expect(await ask({ [header.name]: header.value })).toEqual(forced)
    expect(await ask({ cookie: `${cookie.name}=${cookie.value}` })).toEqual(forced)
    expect(await ask({ [header.name]: header.value }, 'POST')).toEqual({ site: 'onprem', flags: [], shown: false })
    const other = header.value.replace(/^cloud/, 'onprem')
    expect(await ask({ [header.name]: other })).toEqual({ site: 'onprem', flags: [], shown: false })
  })
})
