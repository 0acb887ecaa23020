// Asio's non-template part, compiled once.
#include <boost/asio/impl/src.hpp>
