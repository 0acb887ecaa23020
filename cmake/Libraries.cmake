# Third-party libraries as targets. Programs other than the daemon link them statically, so the .a is named where there is one.
find_package(PkgConfig REQUIRED)

function(hydravisor_static_library target)
  cmake_parse_arguments(ARG "" "" "NAMES;DEPENDS" ${ARGN})
  add_library(${target} INTERFACE IMPORTED)
  foreach(name ${ARG_NAMES})
    find_library(HYDRAVISOR_LIB_${name} NAMES lib${name}.a REQUIRED)
    target_link_libraries(${target} INTERFACE ${HYDRAVISOR_LIB_${name}})
  endforeach()
  target_link_libraries(${target} INTERFACE ${ARG_DEPENDS})
endfunction()

hydravisor_static_library(lib::boost_json NAMES boost_json boost_container)
hydravisor_static_library(lib::crypto NAMES ssl crypto)
hydravisor_static_library(lib::zstd NAMES zstd)
hydravisor_static_library(lib::sqlite NAMES sqlite3 DEPENDS m)

# Header only.
foreach(name fmt asio beast tomlplusplus)
  add_library(lib::${name} INTERFACE IMPORTED)
endforeach()

# Static too, with what it needs itself: each release of a distribution has another version of it.
hydravisor_static_library(lib::git2 NAMES git2 mbedtls mbedx509 mbedcrypto http_parser ssh2 pcre2-8 z DEPENDS lib::crypto)

# Headers only: the daemon loads the library itself, on machines that systemd runs.
pkg_check_modules(SYSTEMD REQUIRED libsystemd)
add_library(lib::systemd INTERFACE IMPORTED)
target_include_directories(lib::systemd INTERFACE ${SYSTEMD_INCLUDE_DIRS})
target_link_libraries(lib::systemd INTERFACE ${CMAKE_DL_LIBS})
find_package(Threads REQUIRED)
add_library(lib::threads ALIAS Threads::Threads)
if(BUILD_TESTING)
  find_package(GTest REQUIRED)
endif()
