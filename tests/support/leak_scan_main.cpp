// SPDX-License-Identifier: MIT
// leak-scan IDENTITY.json PATH... : exit 0 nothing found, 1 something found, 64 usage, 74 unreadable.
#include "tests/support/leak_scan.h"

#include <sysexits.h>

#include <exception>
#include <iostream>

int main(int argc, char** argv)
{
    if (argc < 3) {
        std::cerr << "usage: leak-scan IDENTITY.json PATH...\n";
        return EX_USAGE;
    }
    try {
        const std::vector<std::filesystem::path> roots{argv + 2, argv + argc};
        const auto leaks = leak_scan(roots, read_identity(argv[1]));
        for (const auto& leak : leaks) {
            std::cout << describe(leak) << '\n';
        }
        return leaks.empty() ? EX_OK : 1;
    } catch (const std::exception& e) {
        std::cerr << "leak-scan: " << e.what() << '\n';
        return EX_IOERR;
    }
}
