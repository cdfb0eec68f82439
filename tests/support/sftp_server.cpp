// SPDX-License-Identifier: MIT
#include "tests/support/sftp_server.h"

#include "libfiona/base/files.h"
#include "libfiona/base/process.h"
#include "tests/support/pacs_server.h"
#include "tests/support/skip.h"

#include <pwd.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <stdexcept>

namespace fs = std::filesystem;

namespace {

constexpr const char* program = "/usr/sbin/sshd";

std::string own_name()
{
    const auto* const user = ::getpwuid(::getuid()); // NOLINT(concurrency-mt-unsafe) one thread
    return user == nullptr ? "nobody" : user->pw_name;
}

} // namespace

bool SftpServer::is_here()
{
    if (!fs::exists(program)) {
        skip("the package openssh-server is not installed");
        return false;
    }
    std::error_code refused;
    fs::create_directories("/run/sshd", refused); // its place without privileges
    if (refused) {
        skip("sshd needs /run/sshd");
    }
    return !refused;
}

SftpServer::SftpServer() : m_port{unused_port()}
{
    fs::create_directories(outbox());
    make_key("host");
    make_key("user");
    std::ofstream{m_root / "known_hosts"}
        << fmt::format("[127.0.0.1]:{} {}", m_port, fiona::read_file(m_root / "host.pub"));
    write_settings("");
    start();
}

void SftpServer::write_settings(const std::string& refused) const
{
    const auto more = refused.empty() ? std::string{} : " -P " + refused;
    std::ofstream{m_root / "sshd.conf"} << fmt::format(
        "Port {0}\nListenAddress 127.0.0.1\nHostKey {1}/host\n"
        "AuthorizedKeysFile {1}/user.pub\nPidFile none\nUsePAM no\nStrictModes no\n"
        "PasswordAuthentication no\nPermitRootLogin yes\n"
        "ForceCommand internal-sftp -d {1}/home{2}\nSubsystem sftp internal-sftp -d {1}/home{2}\n",
        m_port, m_root.path.native(), more);
}

void SftpServer::refuse(const std::string& requests)
{
    stop();
    write_settings(requests);
    start();
}

void SftpServer::make_key(const std::string& name) const
{
    const auto file = (m_root.path / name).native();
    fs::remove(file);
    const auto made =
        fiona::run({{"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", file}});
    if (made.exit_code != 0) {
        throw std::runtime_error{"ssh-keygen: " + made.err};
    }
}

void SftpServer::start()
{
    m_process.emplace(
        std::vector<std::string>{program, "-D", "-e", "-f", (m_root / "sshd.conf").native()},
        m_root / "process");
    wait_for_port(m_port);
}

void SftpServer::stop()
{
    // Each connection is a process of its own, and outlives the server.
    const auto pid = m_process->pid();
    std::ifstream children{fmt::format("/proc/{0}/task/{0}/children", pid)};
    for (pid_t child = 0; children >> child;) {
        ::kill(child, SIGKILL);
    }
    m_process.reset();
}

void SftpServer::change_host_key()
{
    stop();
    make_key("host");
    start();
}

fiona::SftpConfig SftpServer::config() const
{
    fiona::SftpConfig config;
    config.host = "127.0.0.1";
    config.port = m_port;
    config.user = own_name();
    config.key_file = m_root / "user";
    config.known_hosts = m_root / "known_hosts";
    return config;
}
