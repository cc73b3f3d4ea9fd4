/** What the editor shows: TypeScript with exactly one type error, so that the 7 MB worker has something to say. */
export const SAMPLE = `// This editor came from a browser near you.
// Its TypeScript worker is the largest file of the release; it finds one mistake below.

interface Source {
  name: 'store' | 'peers' | 'origin';
  bytes: number;
}

const visit: Source[] = [
  { name: 'store', bytes: 0 },
  { name: 'peers', bytes: 11_800_000 },
  { name: 'origin', bytes: 'almost none' },
];

/** The share of what moved that the origin did not have to send. */
function offload(sources: Source[]): number {
  const moved = sources.filter(({ name }) => name !== 'store');
  const total = moved.reduce((sum, { bytes }) => sum + bytes, 0);
  const origin = moved.find(({ name }) => name === 'origin');
  return total === 0 ? 0 : 1 - (origin?.bytes ?? 0) / total;
}

console.log(\`\${Math.round(offload(visit) * 100)} % came from peers\`);
`;

export const SAMPLE_FILE = 'swarm.ts';
