# cpack runs it before it packs: what Debian wants compressed, gzip -n so that the same input makes the same bytes.
file(GLOB_RECURSE FILES ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/*/usr/share/man/*.1
  ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/usr/share/man/*.1
  ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/usr/share/doc/repodigest-exporter/changelog.Debian)
foreach(file IN LISTS FILES)
  execute_process(COMMAND gzip -9nf ${file} COMMAND_ERROR_IS_FATAL ANY)
endforeach()
