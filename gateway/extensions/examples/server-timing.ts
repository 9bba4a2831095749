import type { OpenExtension } from '../extension.ts'

/**
 * An example: tells browsers how long the gateway had the request, as their developer tools show it. In gateway.yaml:
 *
 *     extensions:
 *       - { name: server-timing, module: ./server-timing.ts }
 */
const serverTiming: OpenExtension = (_, { clock }) => ({
  name: 'server-timing',
  place: 'header',
  after(x, answer) {
    const whole = clock.monotonic() - x.startedMs
    const service = x.firstByteMs === 0 ? '' : `, service;dur=${(x.firstByteMs - x.startedMs).toFixed(1)}`
    answer.headers.push('server-timing', `gateway;dur=${whole.toFixed(1)}${service}`)
    return answer
  },
})

export default serverTiming
