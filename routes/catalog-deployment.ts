import { canonicalTarget } from './canonical-target.ts'
import { urlFault, urlFix } from './catalog-sites.ts'
import type { DeploymentDocument } from './deployment-schema.ts'
import type { Findings } from './findings.ts'
import { parseHost } from './host-pattern.ts'
import { longestWaitMs, parseDuration, parseRate } from './quantity.ts'
import type { DeploymentFacts } from './structure.ts'
import type { Site } from './vocabulary.ts'

/** A deployment as the table has it; what its schema cannot say is checked at `pointer`. */
export function readDeployment(
  site: Site,
  document: DeploymentDocument,
  pointer: string,
  findings: Findings,
): DeploymentFacts {
  const { capacity, resolve, balance, host, protocol, tls, health, maxInFlight } = document
  const listed = typeof document.url === 'string' ? [document.url] : document.url
  // A draft's list has holes: `flat` closes them, `forEach` passes over them.
  const urls = listed.flat()
  checkUrls()
  checkProtocol()
  if (host !== 'preserve') checkHostName(host, `${pointer}/host`)
  if (tls !== undefined) checkTls(tls)
  const [url = '', ...more] = urls
  return {
    site,
    url,
    ...(more.length === 0 ? {} : { more }),
    ...(resolve === undefined ? {} : { resolve }),
    ...(balance === undefined ? {} : { balance }),
    ...(capacity === undefined ? {} : { capacity: parseRate(capacity) as number }),
    ...(host === 'preserve' ? {} : { host: host.toLowerCase() }),
    ...(protocol === undefined ? {} : { protocol }),
    ...(tls === undefined ? {} : { tls }),
    ...(health === undefined ? {} : { health: readHealth(health) }),
    ...(maxInFlight === undefined ? {} : { maxInFlight }),
  }

  function checkUrls(): void {
    const placeOf = (at: number) => (typeof document.url === 'string' ? `${pointer}/url` : `${pointer}/url/${at}`)
    listed.forEach((each, at) => {
      const wrong = urlFault(each)
      if (wrong !== undefined) findings.fault(placeOf(at), each, wrong, { fix: urlFix })
      const former = listed.indexOf(each)
      if (former < at)
        findings.fault(placeOf(at), each, 'the URL is there twice', {
          fix: 'take one out',
          also: findings.at(placeOf(former)),
        })
    })
    const schemes = new Set(urls.map(schemeOf))
    if (schemes.size > 1) {
      const fix = 'write http or https for all: they are instances of one service'
      findings.fault(`${pointer}/url`, document.url, 'some instances by http, some by https', { fix })
    }
    if (resolve === 'each' && urls.length > 1) {
      const fix = 'write one URL, or take "resolve" out'
      findings.fault(`${pointer}/resolve`, resolve, 'is for one URL, whose name stands for all instances', { fix })
    }
  }

  function checkProtocol(): void {
    const scheme = schemeOf(urls[0] ?? '')
    const needed = protocol === undefined ? undefined : protocol === 'h2' ? 'https' : 'http'
    if (needed === undefined || scheme === needed) return
    const other = protocol === 'h2' ? 'h2c' : 'h2'
    const fix = `write an ${needed} URL, or "protocol: ${other}"`
    findings.fault(`${pointer}/protocol`, protocol, `is spoken over ${needed}, and the URL is ${scheme}`, { fix })
  }

  function checkHostName(name: string, place: string): void {
    if (name.startsWith('*') || !parseHost(name.toLowerCase()).ok)
      findings.fault(place, name, 'expected one exact host name', { fix: 'write it as in a URL, without port' })
  }

  function checkTls({ sni, ca, insecure }: NonNullable<DeploymentDocument['tls']>): void {
    if (schemeOf(urls[0] ?? '') !== 'https') {
      const fix = 'write an https URL, or take "tls" out'
      findings.faultOfKey(`${pointer}/tls`, 'tls', 'the URL is http, so nothing of it would hold', { fix })
    }
    if (sni !== undefined) checkHostName(sni, `${pointer}/tls/sni`)
    if (insecure === undefined) return
    const expected = `${site} is sent requests without knowing who answers there`
    findings.warn(`${pointer}/tls/insecure`, 'insecure', expected, 'name the authority by "ca" instead')
    if (ca !== undefined) {
      const fix = 'take one of the two out'
      findings.fault(`${pointer}/tls/insecure`, true, 'beside "ca": nothing is verified, whoever signed', { fix })
    }
  }

  function readHealth({ path, every }: NonNullable<DeploymentDocument['health']>): { path: string; everyMs: number } {
    const target = canonicalTarget(path)
    if (target.unsafe !== 0 || path.includes('#'))
      findings.fault(`${pointer}/health/path`, path, 'can be read in two ways', { fix: 'write it plainly: "/health"' })
    const everyMs = parseDuration(every) as number
    if (everyMs < 1000) findings.fault(`${pointer}/health/every`, every, 'expected at least 1s')
    if (everyMs > longestWaitMs) findings.fault(`${pointer}/health/every`, every, 'expected at most 24h')
    return { path, everyMs }
  }
}

function schemeOf(url: string): string {
  return url.slice(0, url.indexOf(':'))
}
