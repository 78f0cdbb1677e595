// Whose streams the benchmark's are.
export const TENANT = 'bench';
