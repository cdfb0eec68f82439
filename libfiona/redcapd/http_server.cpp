// SPDX-License-Identifier: MIT
#include "libfiona/redcapd/http_server.h"

#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/base/number.h"
#include "libfiona/redcapd/connections.h"
#include "libfiona/redcapd/rate_limit.h"
#include "libfiona/redcapd/sockets.h"

#include <httplib.h> // slow to compile: nowhere else
#include <pthread.h>

#include <atomic>
#include <csignal>
#include <thread>
#include <utility>

namespace fiona::redcapd {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

constexpr std::size_t max_body_bytes = std::size_t{32} << 20U;
constexpr const char* api_path = "/api/";
/// The part that content=file takes; another one that came as a file is a parameter like the rest.
constexpr const char* file_part = "file";
constexpr const char* text_type = "text/plain; charset=utf-8";
constexpr const char* html_type = "text/html; charset=utf-8";
constexpr const char* not_found_page =
    "<!DOCTYPE html><html><head><title>404 Not Found</title></head>"
    "<body><h1>Not Found</h1></body></html>";
constexpr const char* out_of_order_page =
    "<!DOCTYPE html><html><body><p>The site is being upgraded.</p></body></html>";

/// The connection this thread serves: what httplib hands to a handler does not say.
thread_local Connection* g_connection = nullptr;

class ConnectionStream : public httplib::Stream {
public:
    explicit ConnectionStream(Connection& connection) : m_connection{connection} {}

    // The time limits are in read() and write() themselves.
    [[nodiscard]] bool is_readable() const override { return true; }
    [[nodiscard]] bool is_writable() const override { return true; }
    ssize_t read(char* target, size_t size) override
    {
        if (!m_body_left) {
            return m_connection.read(target, size);
        }
        if (*m_body_left == 0) {
            const auto count = m_line_end.copy(target, size);
            m_line_end.remove_prefix(count);
            return static_cast<ssize_t>(count);
        }
        const auto count = m_connection.read(target, std::min<std::uint64_t>(size, *m_body_left));
        *m_body_left -= count > 0 ? static_cast<std::uint64_t>(count) : 0;
        return count;
    }
    /// From here on the stream is a body of `bytes`, and a line end that nobody sent. Returns how many
    /// bytes both are.
    std::uint64_t end_line_after(std::uint64_t bytes)
    {
        m_body_left = bytes;
        return bytes + m_line_end.size();
    }
    ssize_t write(const char* bytes, size_t size) override
    {
        return m_connection.write(bytes, size);
    }
    void get_remote_ip_and_port(std::string& ip, int& port) const override
    {
        ip = m_connection.peer();
        port = 0;
    }
    void get_local_ip_and_port(std::string& ip, int& port) const override
    {
        ip = "local";
        port = 0;
    }
    [[nodiscard]] socket_t socket() const override { return m_connection.fd(); }

private:
    Connection& m_connection;
    std::optional<std::uint64_t> m_body_left;
    std::string_view m_line_end = "\r\n";
};

/// RFC 2046 §5.1.1 wants no line end behind the last boundary, and Node.js 18 sends none; httplib
/// 0.11 takes such a body for one that breaks off. One more is an epilogue, which all ignore.
void allow_missing_line_end(httplib::Request& request, ConnectionStream& stream)
{
    constexpr auto length = "Content-Length";
    const auto bytes = read_number<std::uint64_t>(request.get_header_value(length));
    const bool is_as_sent =
        !request.has_header("Transfer-Encoding") && !request.has_header("Content-Encoding");
    if (request.is_multipart_form_data() && is_as_sent && bytes && *bytes <= max_body_bytes) {
        const auto longer = stream.end_line_after(*bytes);
        request.headers.erase(length);
        request.set_header(length, std::to_string(longer));
    }
}

/// The parameters of either kind of body; nothing if it is larger than allowed or breaks off.
std::optional<FormData> read_form(const httplib::Request& request,
                                  const httplib::ContentReader& reader)
{
    std::size_t bytes = 0;
    const auto fits = [&](std::size_t more) { return (bytes += more) <= max_body_bytes; };
    if (!request.is_multipart_form_data()) {
        std::string body;
        const bool complete = reader([&](const char* data, std::size_t size) {
            body.append(data, fits(size) ? size : 0);
            return bytes <= max_body_bytes;
        });
        return complete ? std::optional{FormData::parse(body)} : std::nullopt;
    }
    std::vector<httplib::MultipartFormData> parts;
    const bool complete = reader(
        [&](const httplib::MultipartFormData& part) {
            parts.push_back(part);
            return fits(sizeof parts.back() + part.name.size() + part.filename.size());
        },
        [&](const char* data, std::size_t size) {
            parts.back().content.append(data, fits(size) ? size : 0);
            return bytes <= max_body_bytes;
        });
    if (!complete) {
        return std::nullopt;
    }
    FormData form;
    for (auto& part : parts) {
        if (part.filename.empty() || part.name != file_part) {
            form.add(part.name, std::move(part.content));
        } else {
            const auto slash = part.filename.find_last_of("/\\");
            form.add_file(part.name, {part.filename.substr(slash + 1), std::move(part.content)});
        }
    }
    return form;
}

void send_half(httplib::Response& response, const Answer& answer)
{
    response.set_content_provider(
        answer.body.size(), answer.content_type,
        [body = answer.body](std::size_t offset, std::size_t /*length*/, httplib::DataSink& sink) {
            if (offset == 0 && body.size() > 1) {
                sink.write(body.data(), body.size() / 2);
            }
            return false;
        });
}

} // namespace

/// One listening socket. It takes httplib's parsing and answering, and brings its own sockets,
/// threads and connections: httplib 0.11 has no UNIX sockets, gives an idle connection a thread,
/// and knows no end to a slow request.
class HttpServer::Listener : public httplib::Server {
public:
    Listener(Api& api, UniqueFd socket, const ServerSettings& settings, Connections::Wrap wrap)
        : m_api{api}, m_socket{std::move(socket)}, m_faults{settings.faults},
          m_rate{settings.requests_per_minute},
          m_connections{m_socket.get(), settings.max_connections, std::move(wrap),
                        [this](Connection& connection) { return serve_one(connection); }}
    {
        svr_sock_ = m_socket.get(); // httplib takes a server without a socket for one that ends
        set_payload_max_length(max_body_bytes);
        set_keep_alive_timeout(60); // what the Keep-Alive header says; connections.cpp decides
        set_keep_alive_max_count(10000);
        set_default_headers({{"Server", "fiona-redcapd/" FIONA_VERSION}});
        set_pre_routing_handler([this](const auto& request, auto& response) {
            g_connection->begin_body();
            return refuse_early(request, response);
        });
        Post(api_path, [this](const auto& request, auto& response, const auto& reader) {
            handle(request, response, reader);
        });
        set_exception_handler([](const auto&, auto& response, const std::exception_ptr& problem) {
            report_bug(problem);
            response.status = 500;
            response.set_content("The server could not handle the request", text_type);
        });
    }

    /// Until end(). False if the socket can accept no more.
    bool serve()
    {
        try {
            m_connections.run();
            return true;
        } catch (const Error& e) {
            log::error("server_failed", {{"reason", e.what()}});
            return false;
        }
    }

    void end() { m_connections.end(); }

private:
    /// Everything but POST /api/, before httplib looks at the path with a regular expression, and
    /// those who ask too often.
    HandlerResponse refuse_early(const httplib::Request& request, httplib::Response& response)
    {
        const auto wait = m_rate.refuse(request.remote_addr, steady_clock::now());
        if (wait) {
            response.status = 429;
            response.set_header("Retry-After", std::to_string(wait->count()));
            response.set_content("Too many requests", text_type);
        } else if (request.path != api_path) {
            response.status = 404;
            response.set_content(not_found_page, html_type);
        } else if (request.method != "POST") {
            response.status = 501;
            response.set_content("The requested method is not implemented.", text_type);
        } else if (!request.has_header("Content-Length")
                   && !request.has_header("Transfer-Encoding")) {
            response.status = 411;
            response.set_content("The request has no length", text_type);
        } else {
            return HandlerResponse::Unhandled;
        }
        response.set_header("Connection", "close"); // its body was not read
        log::info("request_answered", {{"content", "none"}, {"status", response.status}});
        return HandlerResponse::Handled;
    }

    bool serve_one(Connection& connection)
    {
        ConnectionStream stream{connection};
        g_connection = &connection;
        bool closed = false;
        const bool served = process_request(
            stream, false, closed, [&](auto& request) { allow_missing_line_end(request, stream); });
        g_connection = nullptr;
        return served && !closed;
    }

    void handle(const httplib::Request& request, httplib::Response& response,
                const httplib::ContentReader& reader)
    {
        const auto begin = steady_clock::now();
        std::optional<FormData> form;
        try {
            form = read_form(request, reader);
        } catch (const Error&) { // too many parameters
            form.reset();
        }
        if (!form) {
            response.status = response.status == -1 ? 413 : response.status;
            response.set_header("Connection", "close");
            response.set_content("The request is too large or incomplete", text_type);
            log::info("request_answered", {{"content", "none"}, {"status", response.status}});
            return;
        }
        if (answer_with_fault(response)) {
            return;
        }
        const auto handled = m_api.handle(*form);
        const auto& answer = handled.answer;
        response.status = answer.status;
        if (happens(InjectedFault::Kind::truncate)) {
            send_half(response, answer);
        } else {
            response.set_content(answer.body, answer.content_type);
        }
        if (handled.changed && happens(InjectedFault::Kind::drop_after_commit)) {
            g_connection->mute();
        }
        log::info(
            "request_answered",
            {{"content", handled.content},
             {"project", handled.project},
             {"status", answer.status},
             {"bytes", answer.body.size()},
             {"ms",
              std::chrono::duration_cast<milliseconds>(steady_clock::now() - begin).count()}});
    }

    [[nodiscard]] bool happens(InjectedFault::Kind kind) const
    {
        return std::ranges::any_of(m_faults, [&](const InjectedFault& fault) {
            return fault.kind == kind && fault.happens();
        });
    }

    /// Delays, and answers instead of the API. True if it did.
    bool answer_with_fault(httplib::Response& response) const
    {
        using Kind = InjectedFault::Kind;
        for (const auto& fault : m_faults) {
            if (fault.kind == Kind::delay && fault.happens()) {
                std::this_thread::sleep_for(milliseconds{fault.number});
            } else if (fault.kind == Kind::status && fault.happens()) {
                response.status = fault.number;
                response.set_content("injected fault", text_type);
                return true;
            } else if (fault.kind == Kind::html200 && fault.happens()) {
                response.status = 200;
                response.set_content(out_of_order_page, html_type);
                return true;
            }
        }
        return false;
    }

    static void report_bug(const std::exception_ptr& problem)
    {
        try {
            std::rethrow_exception(problem);
        } catch (const std::exception& e) {
            log::error("bug", {{"reason", e.what()}});
        } catch (...) {
            log::error("bug", {{"reason", "an exception that is none of ours"}});
        }
    }

    Api& m_api;
    UniqueFd m_socket;
    InjectedFaults m_faults;
    RateLimit m_rate;
    Connections m_connections;
};

HttpServer::HttpServer(Api& api, ServerSettings settings) : m_socket{settings.socket}
{
    if (settings.socket) {
        m_listeners.push_back(std::make_unique<Listener>(api, listen_on_socket(*settings.socket),
                                                         settings, plain_transport));
        m_addresses.push_back("unix:" + settings.socket->native());
    }
    if (settings.listen && settings.tls) {
        const auto tls = std::make_shared<const TlsContext>(*settings.tls);
        auto tcp = listen_on_tcp(*settings.listen, Reach::any);
        m_listeners.push_back(
            std::make_unique<Listener>(api, std::move(tcp.fd), settings, [tls](UniqueFd fd) {
                return tls->transport(std::move(fd));
            }));
        m_addresses.push_back("https://" + tcp.address + api_path);
    } else if (settings.listen) {
        auto tcp = listen_on_tcp(*settings.listen, Reach::loopback);
        if (settings.clear == Clear::refuse) {
            throw Error{Fault::config,
                        "listen address {}: give --cert and --key, or --plain-http for tokens in "
                        "clear on this machine",
                        *settings.listen};
        }
        m_listeners.push_back(
            std::make_unique<Listener>(api, std::move(tcp.fd), settings, plain_transport));
        m_addresses.push_back("http://" + tcp.address + api_path);
    }
    if (m_listeners.empty()) {
        throw Error{Fault::config, "nothing to listen on: give --listen or --socket, or REDCAP.url "
                                   "or REDCAP.unix_socket in the configuration"};
    }
}

HttpServer::~HttpServer()
{
    if (m_socket) {
        std::error_code ignored; // the next start replaces a stale one
        fs::remove(*m_socket, ignored);
    }
}

std::vector<std::string> HttpServer::addresses() const
{
    return m_addresses;
}

void HttpServer::run_until_signal()
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    static_cast<void>(std::signal(SIGPIPE, SIG_IGN)); // OpenSSL writes to a client that may be gone

    std::atomic<bool> failed{false};
    std::vector<std::jthread> threads;
    threads.reserve(m_listeners.size());
    for (const auto& listener : m_listeners) {
        threads.emplace_back([&failed, it = listener.get()] {
            if (!it->serve()) {
                failed = true;
                ::kill(::getpid(), SIGTERM);
            }
        });
    }
    int signal = 0;
    sigwait(&signals, &signal);
    for (const auto& listener : m_listeners) {
        listener->end();
    }
    threads.clear();
    if (failed) {
        throw Error{Fault::io, "the server can accept no more connections"};
    }
}

} // namespace fiona::redcapd
