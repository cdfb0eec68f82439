// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/process.h"
#include "tests/support/temp_dir.h"

#include <stdexcept>
#include <string>
#include <vector>

/// A certificate authority and what it has signed; made with openssl.
class Authority {
public:
    Authority() { self_signed("ca"); }

    void self_signed(const std::string& name) const
    {
        openssl({"req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "365", "-subj",
                 "/CN=" + name, "-keyout", key(name), "-out", certificate(name)});
    }

    /// Made out to localhost and its address: a bare system knows no names.
    void sign(const std::string& name, const std::string& days = "365") const
    {
        const auto request = (root.path / name).native() + ".csr";
        openssl({"req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-addext",
                 "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key(name), "-out",
                 request});
        openssl({"x509", "-req", "-in", request, "-CA", certificate("ca"), "-CAkey", key("ca"),
                 "-CAcreateserial", "-copy_extensions", "copy", "-days", days, "-out",
                 certificate(name)});
    }

    [[nodiscard]] std::string key(const std::string& name) const
    {
        return (root.path / name).native() + ".key";
    }
    [[nodiscard]] std::string certificate(const std::string& name) const
    {
        return (root.path / name).native() + ".crt";
    }

    TempDir root;

private:
    static void openssl(std::vector<std::string> arguments)
    {
        arguments.insert(arguments.begin(), "openssl");
        const auto made = fiona::run({arguments});
        if (made.exit_code != 0) {
            throw std::runtime_error{"openssl: " + made.err};
        }
    }
};
