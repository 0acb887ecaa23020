# hydravisor_faulty_disk(MODULE): in MODULE_test, every call that changes a file goes through base/faulty_disk_test.h first, which one of its
# files includes. The linker sends it there, so that no code knows and none is left out, a library's included.
function(hydravisor_faulty_disk module)
  if(BUILD_TESTING)
    foreach(call open open64 openat openat64 write pwrite pwrite64 fsync fdatasync syncfs ftruncate ftruncate64 rename unlink unlinkat mkdir)
      target_link_options(${module}_test PRIVATE -Wl,--wrap=${call})
    endforeach()
    # An operation after the other, each in every way: seconds.
    gtest_discover_tests(${module}_test DISCOVERY_MODE PRE_TEST TEST_PREFIX ${module}. TEST_FILTER "*Faults*" TEST_LIST ${module}_faults
      PROPERTIES LABELS slow TIMEOUT 300)
  endif()
endfunction()
