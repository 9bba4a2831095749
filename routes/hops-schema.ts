import Type, { type Static } from 'typebox'
import { durationText, sizeText, waitText } from './quantity.ts'
import { closed } from './schema-texts.ts'

const wait = (description: string) => Type.Optional(Type.String({ ...waitText, description }))
const hop = (description: string) =>
  Type.Optional(
    Type.Object(
      {
        connect: wait('Time to connect to the next hop.'),
        firstByte: wait('Time to the first byte of the answer.'),
        total: wait('Time for the whole exchange.'),
        keepAlive: Type.Optional(
          Type.String({ ...durationText, description: 'How long it keeps an idle connection of the hop before it.' }),
        ),
        idle: Type.Optional(
          Type.String({ ...durationText, description: 'How long it keeps an idle connection to the next hop.' }),
        ),
        firewall: Type.Optional(
          Type.String({ ...durationText, description: 'How long the network behind it keeps an idle connection.' }),
        ),
        tries: Type.Optional(
          Type.Integer({ minimum: 1, maximum: 20, description: 'How often it sends one request at most.' }),
        ),
        maxBody: Type.Optional(Type.String({ ...sizeText, description: 'Largest request body that it lets through.' })),
      },
      { ...closed, description },
    ),
  )

/** `hops` of a site: what stands between its clients and its services, as far as Tidegate does not know it by itself. */
export const hopsSchema = Type.Optional(
  Type.Object(
    {
      client: hop('What the clients themselves wait for.'),
      edge: hop('The CDN or edge before the site.'),
      balancer: hop('A load balancer before the gateways.'),
      gateway: hop('The gateways, where their configuration differs from the defaults; time-outs are of the routes.'),
      mesh: hop('A proxy between gateways and services, such as that of a mesh.'),
      service: hop('The services of the site, what they have in common.'),
    },
    {
      ...closed,
      description:
        'Waits of the hops between clients and services: compared with each other, so that no request is lost.',
    },
  ),
)

export type HopsDocument = NonNullable<Static<typeof hopsSchema>>
