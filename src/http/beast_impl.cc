// Boost.Beast's non-template part, compiled once.
#include <boost/beast/src.hpp>
