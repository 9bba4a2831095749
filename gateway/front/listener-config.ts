import { count, group, size, wait } from '../config-parts.ts'

/** What one process takes at most: `limits` of gateway.yaml. */
export const limits = group(
  {
    maxInFlight: count(2_000, 'Requests under way in this process; more are refused with 503.'),
    maxConnections: count(20_000, 'Open client connections; more are answered 503.'),
    connectionsPerAddress: count(
      1_000,
      'Open connections from one address (IPv6: one /64); more are answered 503. Not for trusted proxies, edges and peers.',
    ),
    tunnels: count(10_000, 'WebSockets of this process.'),
    tunnelsPerConsumer: count(1_000, 'WebSockets of one consumer, or of one address where nobody says who calls.'),
    deploymentConnections: count(256, 'Connections to one deployment.'),
    deploymentInFlight: count(1_024, 'Requests under way or waiting for one deployment.'),
    interconnectInFlight: count(512, 'Requests on their way to one other site.'),
    head: size('32KiB', 'The fields of a request head.'),
    fields: count(100, 'Fields of a request head.'),
    target: size('8KiB', 'A request target.'),
    headTimeout: wait('10s', 'For a request head to come.'),
    bodyIdle: wait('15s', "Between two pieces of a request body. A route's own idle time-out goes before."),
    bodyWindow: wait('30s', 'After each of so long a client must have sent its body at bodyRate.'),
    bodyRate: size('500B', 'Least bytes of a request body a second.'),
    takingTimeout: wait('60s', 'For a client that takes no byte of its answer.'),
    idleTimeout: wait('910s', 'Idle client connections. Above the 900 s of a CDN in front, or its POSTs are lost.'),
    upstreamIdle: wait(
      '60s',
      'Idle connections to services, at most: less where a service says so, 4 s where it says nothing, half of what it shows.',
    ),
    hold: wait('2s', 'How long a request may wait for a newer table.'),
  },
  'Limits of one process.',
)
