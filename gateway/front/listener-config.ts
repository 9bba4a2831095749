import { count, group, size, wait } from '../config-parts.ts'

/** What one process takes at most: `limits` of gateway.yaml. */
export const limits = group(
  {
    maxInFlight: count(2_000, 'Requests under way in this process; more are refused with 503.'),
    maxConnections: count(20_000, 'Open client connections.'),
    deploymentConnections: count(256, 'Connections to one deployment.'),
    deploymentInFlight: count(1_024, 'Requests under way or waiting for one deployment.'),
    interconnectInFlight: count(512, 'Requests on their way to one other site.'),
    head: size('32KiB', 'A request head.'),
    target: size('8KiB', 'A request target.'),
    headTimeout: wait('10s', 'For a request head to come.'),
    idleTimeout: wait('910s', 'Idle client connections. Above the 900 s of a CDN in front, or its POSTs are lost.'),
    upstreamIdle: wait('4s', "Idle connections to services. Below the service's own limit."),
    hold: wait('2s', 'How long a request may wait for a newer table.'),
  },
  'Limits of one process.',
)
