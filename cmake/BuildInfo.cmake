# hydravisor_build_info(MODULE): defines what MODULE/build_info.h declares. The commit is looked up at each build, not when CMake runs;
# HYDRAVISOR_COMMIT names it where the source has no repository around it.
set(HYDRAVISOR_COMMIT "" CACHE STRING "The commit that is built; empty: ask git")

function(hydravisor_build_info module)
  set(output ${CMAKE_CURRENT_BINARY_DIR}/${module}/build_info.cc)
  set(write ${CMAKE_COMMAND} -D OUTPUT=${output} -D MODULE=${module} -D SOURCE=${PROJECT_SOURCE_DIR} -D COMMIT=${HYDRAVISOR_COMMIT}
    -D "COMPILER=${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}" -D BUILD_TYPE=${CMAKE_BUILD_TYPE}
    -P ${PROJECT_SOURCE_DIR}/cmake/WriteBuildInfo.cmake)
  add_custom_target(${module}_build_info COMMAND ${write} BYPRODUCTS ${output} VERBATIM)
  target_sources(hv_${module} PRIVATE ${output})
  add_dependencies(hv_${module} ${module}_build_info)
endfunction()
