import { defineProblems } from '#routes/problem.ts'

/** What an edge answers by itself, beside routes/errors.ts. The worker knows codes and statuses only: answers.ts. */
export const problems = defineProblems({
  'origin-unreachable': {
    status: 502,
    meaning: 'No gateway of the site answered.',
    fix: 'Check that the gateway of the site listens at the address that the edge has for it.',
  },
  'origin-timeout': {
    status: 504,
    meaning: 'The gateway of the site did not begin to answer in time.',
    fix: 'Look for the request id in the access log of the site; the gateway waits for something that does not come.',
  },
  'edge-failed': {
    status: 500,
    meaning: 'Something unforeseen happened at the edge.',
    fix: 'Find the request id in the log of the edge, and report it.',
  },
  'edge-misbound': {
    status: 500,
    meaning: 'A binding of the edge worker is missing or wrong; the log of the worker names it.',
    fix: 'See the list of bindings in edge-worker/bindings.ts, and deploy again.',
  },
})
