import { defineProblems } from './problem.ts'

/** What edge and gateway both answer, and what the table itself can refuse. */
export const problems = defineProblems({
  'host-invalid': {
    status: 400,
    meaning: 'The request has {count} Host fields, or one that is no host.',
    fix: 'The client must send exactly one Host field with a name and perhaps a port (RFC 9110 section 7.2).',
  },
  'target-unsafe': {
    status: 400,
    meaning: 'The request target could be read as another path: {classes}.',
    fix: 'Send the path without dot segments, encoded slashes or malformed escapes, or set `unsafeTargets: observe` for a legacy host.',
  },
  loop: {
    status: 508,
    meaning: 'The request has already passed through this program.',
    fix: 'See `tidegate explain` for the site and check that its origin URL is a gateway and not an edge.',
  },
})
