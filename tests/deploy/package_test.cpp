int unused_package_test;
