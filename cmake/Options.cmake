# Compiler, language level, warnings and sanitizers: the same for every target.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 17)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang" OR CMAKE_CXX_COMPILER_VERSION VERSION_LESS 22)
  message(FATAL_ERROR "Hydravisor is compiled with Clang 22 or later; found ${CMAKE_CXX_COMPILER_ID} "
    "${CMAKE_CXX_COMPILER_VERSION}. Install it with tools/install-deps and use a preset: cmake --preset dev")
endif()

set(HYDRAVISOR_SANITIZE "" CACHE STRING "Sanitizers for every target, for example address,undefined")
option(HYDRAVISOR_FUZZ "Build the fuzzers" OFF)
option(HYDRAVISOR_BENCH "Build the benchmarks" OFF)

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wnon-virtual-dtor
  -Woverloaded-virtual -Wimplicit-fallthrough -Werror -fno-omit-frame-pointer)
add_compile_definitions(_GNU_SOURCE _FILE_OFFSET_BITS=64 BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION
  BOOST_ASIO_NO_DEPRECATED)
add_link_options(-fuse-ld=lld)

# What users run is the same whatever directory it was built in. The second form is what ccache makes of the first.
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  file(RELATIVE_PATH to_source ${PROJECT_BINARY_DIR} ${PROJECT_SOURCE_DIR})
  foreach(directory ${PROJECT_SOURCE_DIR} ${to_source})
    cmake_path(APPEND directory "")
    add_compile_options(-ffile-prefix-map=${directory}=)
  endforeach()
endif()

if(HYDRAVISOR_SANITIZE)
  add_compile_options(-fsanitize=${HYDRAVISOR_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${HYDRAVISOR_SANITIZE})
endif()

# The modules' own code must be counted too, or the fuzzers grope in the dark.
if(HYDRAVISOR_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
endif()
