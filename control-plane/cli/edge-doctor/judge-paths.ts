/** Whether a path arrives byte for byte (D11, D12, D13). Pure. */
import { type Judgement, ok, wrong } from './finding.ts'
import { type Reply, tell, unseen } from './reply.ts'

export interface PathCase {
  readonly probe: string
  /** What is sent, behind a prefix of its own. */
  readonly suffix: string
  readonly what: string
  readonly fix: string
  /** A byte that no path may have raw (RFC 3986 section 3.3), and how it is spelled when somebody mends that. */
  readonly mended?: readonly [raw: string, encoded: string]
}

const cloudflareFix = 'Cloudflare: Rules > Settings > URL normalization: scope none'
const nginxFix = '`proxy_pass` without a path, so that the target goes on as it came'

export const pathCases: readonly PathCase[] = [
  {
    probe: 'path-tab',
    suffix: 'a\tb',
    what: 'a raw TAB',
    mended: ['\t', '%09'],
    fix: 'Put a front before the edge that refuses a raw TAB with 400 (docs/operate/edge.md): an older workerd cuts the path there, and another resource is asked for.',
  },
  {
    probe: 'path-slashes',
    suffix: 'a//b',
    what: '`//`',
    fix: `nginx: \`merge_slashes off\` and ${nginxFix}. ${cloudflareFix}. Signed URLs break else.`,
  },
  {
    probe: 'path-dots',
    suffix: 'a/%2e%2e/b',
    what: '`%2e%2e`',
    fix: `nginx: ${nginxFix}. ${cloudflareFix}. A path that one reads as another is how authorisation is passed by.`,
  },
  {
    probe: 'path-backslash',
    suffix: 'a\\b',
    what: '`\\`',
    mended: ['\\', '%5C'],
    fix: `${cloudflareFix}. Elsewhere: let the front pass it on, or refuse it with 400.`,
  },
  {
    probe: 'path-letter',
    suffix: 'a%7Eb%41',
    what: 'a path with `%7E` and `%41`',
    fix: `${cloudflareFix} (it decodes letters). nginx: ${nginxFix}. What was signed over the path differs else.`,
  },
]

/** Refused is as good as kept: nobody reads it as another path. */
export function judgePath(reply: Reply, target: string, { what, fix, mended }: PathCase): Judgement {
  if (reply.kind === 'silence') return unseen(reply)
  if (reply.kind === 'other') {
    if (reply.code === 'target-unsafe')
      return ok(`${what} came as it was sent, and is refused with 400 as the host's policy says`)
    if (reply.status === 400)
      return ok(`${what} is refused with 400 by ${reply.server}, before it could be read as another path`)
    return unseen(reply)
  }
  const arrived = reply.echo.target
  if (arrived === target) return ok(`${what} arrives as it was sent`)
  if (mended !== undefined && arrived.toUpperCase() === target.replace(...mended).toUpperCase()) {
    return ok(`${what} arrives as ${mended[1]}: the same path`)
  }
  return wrong(`${what} is changed: ${visible(target)} arrives as ${visible(arrived)}`, fix)
}

/** Longer than the default of any front, within what Cloudflare and the gateways take. */
export const longTargetBytes = 16_000

export function judgeLongUrl(reply: Reply, target: string): Judgement {
  if (reply.kind === 'echo') {
    if (reply.echo.target === target) return ok(`${target.length} bytes arrive`)
    return wrong(`of ${target.length} bytes ${reply.echo.target.length} arrive`, longFix)
  }
  if (reply.kind === 'silence') return unseen(reply)
  if (reply.kind === 'other' && reply.code === 'target-too-long') {
    return ok(`${target.length} bytes reach the gateway, which refuses them by its own limit (\`limits.target\`)`)
  }
  return wrong(`a target of ${target.length} bytes is refused: ${tell(reply)}`, longFix)
}

const longFix =
  'Allow request lines of 16 KiB: nginx `large_client_header_buffers 4 32k`, HAProxy `tune.bufsize 32768`.'

const visible = (target: string): string => JSON.stringify(target).slice(1, -1)
