/* A module of two versions, for the claims about the loader. */
extern const int contract_version;
const int contract_version = CONTRACT_VERSION;
