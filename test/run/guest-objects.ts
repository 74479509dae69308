/** The variable that tells a guest the folder with what the machine below it has compiled. */
export const GUEST_OBJECTS = 'SKEP_GUEST_OBJECTS';
