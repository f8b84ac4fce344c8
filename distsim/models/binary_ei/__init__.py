"""The binary network: populations of asynchronous binary neurons, by default excitatory and inhibitory.

The example "binary network: simulation versus theory" of NNMT, the Neuronal Network Mean-field Toolbox (Layer et al.
2022): simulated mean activity beside the fixed point of the mean field, for thresholds that are balanced at expected
activities. Any number of populations: give N, K, J and m_expected as lists of that length, in a file or one by one.
"""
