# The Debian package: cmake --preset release && cmake --build --preset release &&
# cpack --config build/release/CPackConfig.cmake -B build/package
# What only the package has is a component of its own, "debian", that `cmake --install` leaves out: units and scripts name
# /usr/bin and /usr/lib.
set(DEBIAN ${CMAKE_CURRENT_LIST_DIR}/debian)

# The revision stands in the changelog, and the version there is the project's, or the package would lie.
file(STRINGS ${DEBIAN}/changelog FIRST_LINE LIMIT_COUNT 1)
if(NOT FIRST_LINE MATCHES "^repodigest-exporter \\(([0-9.]+)-([0-9]+)\\)" OR NOT CMAKE_MATCH_1 STREQUAL PROJECT_VERSION)
  message(FATAL_ERROR "deploy/debian/changelog does not begin with an entry of ${PROJECT_VERSION}: ${FIRST_LINE}")
endif()
set(REVISION ${CMAKE_MATCH_2})

function(install_debian destination)
  install(FILES ${ARGN} DESTINATION ${destination} COMPONENT debian EXCLUDE_FROM_ALL)
endfunction()
file(GLOB UNITS CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/systemd/*.service)
install_debian(/usr/lib/systemd/system ${UNITS})
install_debian(/usr/lib/systemd/user ${CMAKE_CURRENT_LIST_DIR}/systemd/user/repodigest_exporter.service)
install_debian(/usr/lib/sysusers.d ${DEBIAN}/repodigest-exporter.conf)
install_debian(/etc/default ${DEBIAN}/repodigest_exporter ${DEBIAN}/repodigest_exporter-window)
install_debian(/usr/share/doc/repodigest-exporter ${DEBIAN}/copyright ${DEBIAN}/README.Debian ${PROJECT_SOURCE_DIR}/README.md)
install(FILES ${DEBIAN}/changelog DESTINATION /usr/share/doc/repodigest-exporter RENAME changelog.Debian
  COMPONENT debian EXCLUDE_FROM_ALL)
install(FILES ${DEBIAN}/lintian-overrides DESTINATION /usr/share/lintian/overrides RENAME repodigest-exporter
  COMPONENT debian EXCLUDE_FROM_ALL)
install(PROGRAMS ${DEBIAN}/socket-group DESTINATION /usr/lib/repodigest_exporter COMPONENT debian EXCLUDE_FROM_ALL)
install(DIRECTORY DESTINATION /etc/repodigest_exporter COMPONENT debian EXCLUDE_FROM_ALL)
# The licenses of what is compiled in from headers want to go along.
foreach(library libcli11-dev libspdlog-dev libsimdjson-dev libyaml-cpp-dev nlohmann-json3-dev prometheus-cpp-dev
    libcpp-httplib-dev)
  install(FILES /usr/share/doc/${library}/copyright DESTINATION /usr/share/doc/repodigest-exporter/libraries
    RENAME ${library} COMPONENT debian EXCLUDE_FROM_ALL OPTIONAL)
endforeach()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_SET_DESTDIR ON) # some paths are absolute
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_INSTALL_CMAKE_PROJECTS
  "${PROJECT_BINARY_DIR};${PROJECT_NAME};ALL;/" "${PROJECT_BINARY_DIR};${PROJECT_NAME};debian;/")
set(CPACK_MONOLITHIC_INSTALL ON)
set(CPACK_STRIP_FILES ON)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_LIST_DIR}/package-compress.cmake)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)

set(CPACK_PACKAGE_VENDOR ${PROJECT_NAME})
set(CPACK_PACKAGE_CONTACT "repodigest_exporter authors <repodigest-exporter@packages.invalid>")
set(CPACK_DEBIAN_PACKAGE_NAME repodigest-exporter)
set(CPACK_DEBIAN_PACKAGE_RELEASE ${REVISION})
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# adduser makes the users where systemd-sysusers is not; the units want systemd, the program does not.
set(CPACK_DEBIAN_PACKAGE_DEPENDS adduser)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "systemd")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "docker.io | docker-ce | moby-engine, prometheus, prometheus-alertmanager")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Prometheus exporter for the RepoDigests of Docker images")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
"Docker engines from 24.0 to 27.3 with the containerd image store repeat entries
in RepoDigests (moby issue 48747, fixed in 27.4.0). The exporter inspects each
image that is new or changed and tells how many entries it has and how many of
them are different: as Prometheus metrics, as JSON with the corrected lists, on
a status page, and as a read-only Docker API that answers with the corrected
lists. Other oddities of RepoDigests are counted on every engine.
.
The package runs the program twice: one service holds the engine's socket and
has no network, the other one serves the network and cannot reach that socket.
Grafana dashboards, alert rules and scrape configs come along.")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
  ${DEBIAN}/conffiles ${DEBIAN}/triggers ${DEBIAN}/postinst ${DEBIAN}/prerm ${DEBIAN}/postrm)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
include(CPack)
