/** The address of a file that lies beside the folder of the page's modules, such as a model's weights. */
export const besideModules = (path) => new URL(`../../${path}`, import.meta.url);
